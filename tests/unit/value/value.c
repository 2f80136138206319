#include "test.h"

#include <math.h>
#include <msgpack.h>
#include <stdint.h>
#include <time.h>

#include "base/fold.h"
#include "base/limits.h"
#include "base/random.h"
#include "value/value.h"

static struct buf make(struct test_task *test)
{
    return buf_make(&test->arena, 4 << 20);
}

static enum err checked(struct test_task *test, str bytes)
{
    task_fault_clear(&test->task);
    return value_check(&test->task, bytes);
}

static void check_accepted(struct test_task *test, str bytes)
{
    enum err err = checked(test, bytes);
    if (err != ERR_NONE) fprintf(stderr, "%.*s\n", FMT(test->task.fault.detail));
    check_int(err, ERR_NONE);
}

/** Refused, and with these words. */
static void check_refused(struct test_task *test, str bytes, const char *words)
{
    check_int(checked(test, bytes), ERR_UNREADABLE);
    char *detail = arena_cstring(&test->arena, test->task.fault.detail);
    if (strstr(detail, words) == nullptr) fprintf(stderr, "%s lacks %s\n", detail, words);
    check(strstr(detail, words) != nullptr);
}

TEST(test_value__reads_what_was_packed)
{
    struct test_task test;
    test_task_init(&test);
    static const int64_t integers[] = {
        0,      1,         127,       128,        255,       256,       65535,
        65536,  -1,        -32,       -33,        -128,      -129,      -32768,
        -32769, INT32_MAX, INT32_MIN, UINT32_MAX, 1LL << 32, INT64_MAX, INT64_MIN};
    struct buf out = make(&test);
    for (size_t at = 0; at < sizeof integers / sizeof integers[0]; at++)
        pack_int(&out, integers[at]);
    pack_nil(&out);
    pack_bool(&out, true);
    pack_bool(&out, false);
    pack_float(&out, 0.1);
    pack_float(&out, NAN);
    pack_text(&out, S("text"));
    pack_bytes(&out, S("\0\xff"));
    struct cursor cursor = cursor_of(buf_str(&out));
    struct value value;
    for (size_t at = 0; at < sizeof integers / sizeof integers[0]; at++) {
        check(value_next(&cursor, &value));
        check_int(value.kind, VALUE_INT);
        check_int(value.integer, integers[at]);
    }
    check(value_next(&cursor, &value) && value.kind == VALUE_NIL);
    check(value_next(&cursor, &value) && value.kind == VALUE_BOOL && value.boolean);
    check(value_next(&cursor, &value) && value.kind == VALUE_BOOL && !value.boolean);
    check(value_next(&cursor, &value) && value.kind == VALUE_FLOAT && value.number == 0.1);
    check(value_next(&cursor, &value) && value.kind == VALUE_NIL);
    check(value_next(&cursor, &value) && value.kind == VALUE_TEXT);
    check_str(value.text, S("text"));
    check(value_next(&cursor, &value) && value.kind == VALUE_BYTES);
    check_str(value.text, S("\0\xff"));
    check(!value_next(&cursor, &value));
    test_task_drop(&test);
}

TEST(test_value__reads_texts_lists_and_maps_of_each_length)
{
    struct test_task test;
    test_task_init(&test);
    static const uint32_t lengths[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000};
    for (size_t at = 0; at < sizeof lengths / sizeof lengths[0]; at++) {
        uint32_t len = lengths[at];
        char *letters = arena_take_raw(&test.arena, len);
        memset(letters, 'x', len);
        struct buf out = make(&test);
        pack_text(&out, (str){letters, len});
        check_accepted(&test, buf_str(&out));
        check_int(value_of(buf_str(&out)).text.len, len);
        out = make(&test);
        pack_bytes(&out, (str){letters, len});
        check_accepted(&test, buf_str(&out));
        check_int(value_of(buf_str(&out)).text.len, len);
        out = make(&test);
        pack_list(&out, len);
        for (uint32_t item = 0; item < len; item++) pack_int(&out, item);
        check_accepted(&test, buf_str(&out));
        check_int(value_of(buf_str(&out)).count, len);
        out = make(&test);
        pack_map(&out, len);
        for (uint32_t item = 0; item < 2 * len; item++) pack_int(&out, (int64_t)len * 2 - item);
        check_accepted(&test, buf_str(&out));
        struct value map = value_of(buf_str(&out));
        check_int(map.count, len);
        struct value found;
        check_int(value_find(map.bytes, 2, &found), len > 0);
        if (len > 0) check_int(found.integer, 1);
    }
    test_task_drop(&test);
}

TEST(test_value__finds_keys_behind_nested_values)
{
    struct test_task test;
    test_task_init(&test);
    struct buf out = make(&test);
    pack_map(&out, 4);
    pack_int(&out, 7);
    pack_list(&out, 2);
    pack_map(&out, 1);
    pack_int(&out, 300);
    pack_int(&out, 1);
    pack_nil(&out);
    pack_text(&out, S("300"));
    pack_text(&out, S("text key"));
    pack_int(&out, 300);
    pack_text(&out, S("integer key"));
    pack_int(&out, -1);
    pack_bool(&out, true);
    check_accepted(&test, buf_str(&out));
    struct value found;
    check(value_find(buf_str(&out), 300, &found));
    check_str(found.text, S("integer key"));
    check(value_find_text(buf_str(&out), S("300"), &found));
    check_str(found.text, S("text key"));
    check(value_find(buf_str(&out), 7, &found) && found.kind == VALUE_LIST && found.count == 2);
    check(!value_find(buf_str(&out), 1, &found));
    check(!value_find(buf_str(&out), UINT64_MAX, &found));
    check(!value_find_text(buf_str(&out), S("30"), &found));
    check(!value_find(S("\x93\x01\x02\x03"), 1, &found));
    check(!value_find((str){}, 1, &found));
    test_task_drop(&test);
}

TEST(test_value__of_damaged_bytes_is_nil)
{
    check_int(value_of((str){}).kind, VALUE_NIL);
    check_int(value_of(S("\x92\x01")).kind, VALUE_NIL);
    check_int(value_of(S("\x01\x02")).kind, VALUE_NIL);
    check_int(value_of(S("\xc1")).kind, VALUE_NIL);
    check_int(value_of(S("\x01")).integer, 1);
}

TEST(test_value_check__refuses_with_place_and_reason)
{
    struct test_task test;
    test_task_init(&test);
    check_refused(&test, (str){}, "byte 0: the end comes too early");
    check_refused(&test, S("\x92\x01"),
                  "byte 0: an unknown type, a number out of range, or a length");
    check_refused(&test, S("\x91\x92\x01"), "byte 1");
    check_refused(&test, S("\xdd\x0f\xff\xff\xff"), "byte 0");
    check_refused(&test, S("\xdf\x80\x00\x00\x01"), "byte 0");
    check_refused(&test,
                  S("\xdb\xff\xff\xff\xff"
                    "a"),
                  "byte 0");
    check_refused(&test, S("\xc1"), "byte 0");
    check_refused(&test, S("\x92\x01\xd4\x01\x01"), "byte 2");
    check_refused(&test, S("\xc7\x01\x01\x01"), "byte 0");
    check_refused(&test, S("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), "byte 0");
    check_refused(&test, S("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), "byte 0");
    check_refused(&test, S("\xca\x7f\x80\x00\x00"), "byte 0");
    check_refused(&test, S("\x91\xa2\xc3\x28"), "byte 1: a text that is not UTF-8");
    check_refused(&test, S("\xa1\x00"), "a NUL");
    check_refused(&test, S("\x01\x02"), "byte 1: bytes behind");
    check_refused(&test, S("\x81\xc0\x01"), "byte 1: a map's key is neither");
    check_refused(&test, S("\x81\xcb\x3f\xf0\0\0\0\0\0\0\x01"), "byte 1: a map's key is neither");
    check_refused(&test, S("\x81\x91\x01\x01"), "byte 1: a map's key is neither");
    test_task_drop(&test);
}

TEST(test_value_check__refuses_a_key_that_stands_twice)
{
    struct test_task test;
    test_task_init(&test);
    check_refused(&test, S("\x82\x01\x05\x01\x05"), "byte 3: a key that the map has already");
    check_refused(&test, S("\x82\x01\x05\xcc\x01\x05"), "byte 3: a key that");
    check_refused(&test, S("\x82\xa1x\x05\xd9\x01x\x05"), "byte 4: a key that");
    check_accepted(&test, S("\x82\x01\x05\xa1\x31\x05"));
    check_accepted(&test, S("\x82\x01\x81\x01\x05\x02\x81\x01\x05"));
    static const uint32_t counts[] = {2, 8, 9, 10, 100, 1000};
    for (size_t at = 0; at < sizeof counts / sizeof counts[0]; at++) {
        for (uint32_t twin = 0; twin < counts[at]; twin += 1 + counts[at] / 7) {
            struct buf out = make(&test);
            pack_map(&out, counts[at] + 1);
            for (uint32_t pair = 0; pair < counts[at]; pair++) {
                pack_text(&out, arena_print(&test.arena, "key %u", pair * 7919 % counts[at]));
                pack_nil(&out);
            }
            str whole = buf_str(&out);
            pack_text(&out, arena_print(&test.arena, "key %u", twin * 7919 % counts[at]));
            pack_nil(&out);
            check_refused(&test, buf_str(&out), "a key that the map has already");
            /* Without the twin, and with the count of one pair less, the same bytes pass. */
            struct buf rest = make(&test);
            pack_map(&rest, counts[at]);
            size_t head_bytes = counts[at] + 1 < 16 ? 1 : 3;
            pack_raw(&rest, str_from(whole, head_bytes));
            check_accepted(&test, buf_str(&rest));
        }
    }
    test_task_drop(&test);
}

TEST(test_value_check__accepts_the_greatest_depth_and_no_more)
{
    struct test_task test;
    test_task_init(&test);
    struct buf lists = make(&test), maps = make(&test);
    for (uint32_t level = 0; level < VALUE_DEPTH_MAX; level++) {
        pack_list(&lists, 1);
        pack_map(&maps, 1);
        pack_int(&maps, 1);
    }
    size_t maps_len = maps.len;
    pack_nil(&lists);
    pack_nil(&maps);
    check_accepted(&test, buf_str(&lists));
    check_accepted(&test, buf_str(&maps));
    struct buf deeper = make(&test);
    pack_list(&deeper, 1);
    pack_raw(&deeper, buf_str(&lists));
    check_refused(&test, buf_str(&deeper), "byte 32: nested too deep");
    maps.len = maps_len;
    pack_list(&maps, 0);
    check_refused(&test, buf_str(&maps), "byte 64: nested too deep");
    char *many = arena_take_raw(&test.arena, 1 << 20);
    memset(many, 0x91, 1 << 20);
    check_refused(&test, (str){many, 1 << 20}, "nested too deep");
    test_task_drop(&test);
}

TEST(test_value_check__takes_little_memory_for_many_keys)
{
    struct test_task test;
    test_task_init(&test);
    struct buf out = make(&test);
    uint32_t count = 200'000;
    pack_map(&out, count);
    for (uint32_t pair = 0; pair < count; pair++) {
        pack_int(&out, (int64_t)pair * 7919 % 200'003);
        pack_nil(&out);
    }
    size_t before = test.arena.used_bytes;
    check_accepted(&test, buf_str(&out));
    check(test.arena.used_bytes - before < 4 << 20);
    test_task_drop(&test);
}

/* The rules of value_check, said once more over what msgpack-c unpacked. */
static bool is_allowed(const msgpack_object *object, uint32_t depth);

static bool are_pairs_allowed(const msgpack_object_map *map, uint32_t depth)
{
    for (uint32_t pair = 0; pair < map->size; pair++) {
        const msgpack_object *key = &map->ptr[pair].key;
        bool is_integer = key->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
                          key->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
        if (!is_integer && key->type != MSGPACK_OBJECT_STR) return false;
        for (uint32_t other = 0; other < pair; other++)
            if (msgpack_object_equal(map->ptr[other].key, *key)) return false;
        if (!is_allowed(key, depth) || !is_allowed(&map->ptr[pair].val, depth)) return false;
    }
    return true;
}

static bool is_allowed(const msgpack_object *object, uint32_t depth)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
    case MSGPACK_OBJECT_BOOLEAN:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
    case MSGPACK_OBJECT_BIN:
        return true;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return object->via.u64 <= INT64_MAX;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return isfinite(object->via.f64);
    case MSGPACK_OBJECT_STR:
        return utf8_is_valid((str){object->via.str.ptr, object->via.str.size});
    case MSGPACK_OBJECT_ARRAY:
        if (depth == VALUE_DEPTH_MAX) return false;
        for (uint32_t item = 0; item < object->via.array.size; item++)
            if (!is_allowed(&object->via.array.ptr[item], depth + 1)) return false;
        return true;
    case MSGPACK_OBJECT_MAP:
        return depth < VALUE_DEPTH_MAX && are_pairs_allowed(&object->via.map, depth + 1);
    case MSGPACK_OBJECT_EXT:
        break;
    }
    return false;
}

/** Random bytes with a taste for the heads that make valid, nested or nearly valid values. */
static size_t random_bytes(char *bytes, size_t max)
{
    static const uint8_t heads[] = {0x01, 0x02, 0x7f, 0xff, 0xa0, 0xa1, 0xa1, 0xa2, 0x90, 0x91,
                                    0x92, 0x93, 0x80, 0x81, 0x82, 0x83, 0xc0, 0xc2, 0xc3, 0xcc,
                                    0xcd, 0xd0, 0xd9, 0xc4, 0xdc, 0xde, 0xca, 0xcb, 0xd3, 'a',
                                    'b',  0x00, 0xc1, 0xd4, 0xce, 0xcf, 0xdd, 0xdf};
    size_t len = random_uint64() % (max + 1);
    for (size_t at = 0; at < len; at++) {
        uint64_t chance = random_uint64();
        bytes[at] = (char)(chance % 8 == 0 ? chance >> 8 : heads[(chance >> 8) % sizeof heads]);
    }
    return len;
}

TEST(test_value_check__agrees_with_the_unpacker_of_the_library)
{
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    struct test_task test;
    test_task_init(&test);
    int accepted = 0, rounds = 200'000;
    for (int round = 0; round < rounds; round++) {
        char bytes[24];
        size_t len = random_bytes(bytes, sizeof bytes);
        bool is_taken = checked(&test, (str){bytes, len}) == ERR_NONE;
        /* A hostile count makes the library reserve gigabytes before it looks at the bytes: not
         * asked. */
        bool is_count_hostile = false;
        for (size_t at = 0; at < len; at++)
            is_count_hostile |= (uint8_t)bytes[at] == 0xdd || (uint8_t)bytes[at] == 0xdf;
        if (!is_count_hostile || is_taken) {
            msgpack_unpacked unpacked;
            msgpack_unpacked_init(&unpacked);
            size_t end = 0;
            bool should =
                msgpack_unpack_next(&unpacked, bytes, len, &end) == MSGPACK_UNPACK_SUCCESS &&
                end == len && is_allowed(&unpacked.data, 0);
            msgpack_unpacked_destroy(&unpacked);
            if (is_taken != should) {
                fprintf(stderr, "seed %llu, round %d\n", (unsigned long long)seed, round);
                check_int(is_taken, should);
            }
        }
        struct cursor cursor = {bytes, bytes + len};
        struct value value;
        while (value_next(&cursor, &value)) check(value.bytes.len > 0);
        accepted += is_taken;
        if (round % 1000 == 0) arena_clear(&test.arena);
    }
    random_seed(0);
    check(accepted > rounds / 50);
    check(accepted < rounds / 2);
    test_task_drop(&test);
}

static bool eq(str a, str b)
{
    struct value x = value_of(a), y = value_of(b);
    bool is_eq = value_eq(&x, &y);
    check_int(value_eq(&y, &x), is_eq);
    return is_eq;
}

TEST(test_value_eq__compares_numbers_by_value)
{
    check(eq(S("\x01"), S("\xcc\x01")));
    check(eq(S("\x01"), S("\xcb\x3f\xf0\0\0\0\0\0\0")));
    check(eq(S("\x00"), S("\xcb\x80\0\0\0\0\0\0\0")));
    check(eq(S("\xca\x3f\x00\0\0"), S("\xcb\x3f\xe0\0\0\0\0\0\0")));
    check(!eq(S("\x01"), S("\xcb\x3f\xf8\0\0\0\0\0\0")));
    check(!eq(S("\x01"), S("\x02")));
    check(!eq(S("\x01"), S("\xa1\x31")));
    check(!eq(S("\x01"), S("\xc3")));
    check(!eq(S("\xc2"), S("\xc0")));
    check(!eq(S("\xa1x"), S("\xc4\x01x")));
    /* 2^63 is a float and no integer. */
    check(!eq(S("\xcb\x43\xe0\0\0\0\0\0\0"), S("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff")));
}

TEST(test_value_eq__compares_maps_without_order_and_lists_with)
{
    check(eq(S("\x82\x01\x05\x02\x06"), S("\x82\x02\x06\x01\x05")));
    check(!eq(S("\x82\x01\x05\x02\x06"), S("\x82\x02\x05\x01\x06")));
    check(!eq(S("\x82\x01\x05\x02\x06"), S("\x81\x01\x05")));
    check(!eq(S("\x92\x01\x02"), S("\x92\x02\x01")));
    check(eq(S("\x92\x01\x02"), S("\x92\xcc\x01\x02")));
    check(!eq(S("\x92\x01\x02"), S("\x82\x01\x02\x03\x04")));
    check(eq(S("\x82\x01\x82\x01\x05\x02\x06\x02\xcc\x06"),
             S("\x82\x02\x06\x01\x82\x02\x06\x01\x05")));
    check(
        !eq(S("\x82\x01\x82\x01\x05\x02\x06\x02\x06"), S("\x82\x02\x06\x01\x82\x02\x06\x01\x04")));
    /* The sum over pairs must not take a swap between pairs for equal. */
    check(!eq(S("\x82\x01\x02\x03\x04"), S("\x82\x03\x02\x01\x04")));
}

TEST(test_value_eq__compares_each_map_below_without_order)
{
    struct test_task test;
    test_task_init(&test);
    struct buf a = make(&test), b = make(&test);
    for (uint32_t level = 1; level < VALUE_DEPTH_MAX; level++) {
        pack_map(&a, 2);
        pack_int(&a, 1);
        pack_text(&a, S("x"));
        pack_int(&a, 2);
        pack_map(&b, 2);
        pack_int(&b, 2);
    }
    pack_map(&a, 0);
    pack_map(&b, 0);
    for (uint32_t level = 1; level < VALUE_DEPTH_MAX; level++) {
        pack_int(&b, 1);
        pack_text(&b, S("x"));
    }
    check_accepted(&test, buf_str(&a));
    check(eq(buf_str(&a), buf_str(&b)));
    b.at[b.len - 1] = 'y';
    check(!eq(buf_str(&a), buf_str(&b)));
    test_task_drop(&test);
}

TEST(test_value_eq__is_quick_for_great_maps_in_another_order)
{
    struct test_task test;
    test_task_init(&test);
    struct buf rising = make(&test), falling = make(&test);
    uint32_t count = 60'000;
    pack_map(&rising, count);
    pack_map(&falling, count);
    for (uint32_t pair = 0; pair < count; pair++) {
        pack_int(&rising, pair);
        pack_int(&rising, 7);
        pack_int(&falling, count - 1 - pair);
        pack_int(&falling, 7);
    }
    check(eq(buf_str(&rising), buf_str(&falling)));
    falling.at[falling.len - 1] = 8;
    check(!eq(buf_str(&rising), buf_str(&falling)));
    test_task_drop(&test);
}

TEST(test_value__writes_named_pairs_and_finds_their_texts)
{
    struct test_task test;
    test_task_init(&test);
    struct id id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    struct buf map = buf_make(&test.arena, KIB), list = buf_make(&test.arena, KIB);
    pack_list(&list, 1);
    pack_int(&list, 7);
    pack_map(&map, 6);
    pack_named_text(&map, S("word"), S("said"));
    pack_named_int(&map, S("number"), -3);
    pack_named_id(&map, S("id"), id);
    pack_named_id(&map, S("nobody"), (struct id){});
    pack_named_raw(&map, S("list"), buf_str(&list));
    pack_named_raw(&map, S("nothing"), (str){});
    struct value value;
    str bytes = buf_str(&map);
    check_int(value_check(&test.task, bytes), ERR_NONE);
    check_str(value_text_in(bytes, S("word")), S("said"));
    check_str(value_text_in(bytes, S("number")), S(""));
    check_str(value_text_in(bytes, S("absent")), S(""));
    check(value_find_text(bytes, S("number"), &value) && value.integer == -3);
    check(value_find_text(bytes, S("id"), &value) && value.kind == VALUE_BYTES);
    check_str(value.text, id_bytes(&id));
    check(value_find_text(bytes, S("nobody"), &value) && value.kind == VALUE_NIL);
    check(value_find_text(bytes, S("list"), &value) && value.kind == VALUE_LIST);
    check(value_find_text(bytes, S("nothing"), &value) && value.kind == VALUE_NIL);
    test_task_drop(&test);
}

TEST(test_value__finds_by_number_what_is_of_the_kind_asked_for)
{
    struct test_task test;
    test_task_init(&test);
    enum { TEXT = 1, INT, ID, BYTES, TRUE, FALSE, ABSENT };
    struct id id = id_make(), id_found;
    struct buf out = make(&test);
    pack_map(&out, 6);
    pack_int(&out, TEXT), pack_text(&out, S("said"));
    pack_int(&out, INT), pack_int(&out, -7);
    pack_int(&out, ID), pack_bytes(&out, id_bytes(&id));
    pack_int(&out, BYTES), pack_bytes(&out, S("\xff"));
    pack_int(&out, TRUE), pack_bool(&out, true);
    pack_int(&out, FALSE), pack_bool(&out, false);
    str map = buf_str(&out), bytes = S("kept");
    int64_t integer = 3;
    for (uint64_t key = TEXT; key <= ABSENT; key++) {
        check_str(value_text_at(map, key), key == TEXT ? S("said") : S(""));
        check(value_int_at(map, key, &integer) == (key == INT));
        check_int(integer, key < INT ? 3 : -7);
        check(value_bytes_at(map, key, &bytes) == (key == ID || key == BYTES));
        check(value_id_at(map, key, &id_found) == (key == ID));
        check(key == ID ? id_eq(id_found, id) : id_is_nil(id_found));
        check(value_is_true_at(map, key) == (key == TRUE));
    }
    check_str(bytes, S("\xff"));
    check(!value_id_at(S(""), ID, &id_found) && !value_is_true_at(S(""), TRUE));
    test_task_drop(&test);
}
