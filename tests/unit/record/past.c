/* Bodies of the log: what is written is read again, those of before too, and no damage harms. */
#include "record/past.h"

#include "base/random.h"
#include "test.h"

static const struct id survivor = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const struct id rule = {{16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}};

static str encoded_text(struct arena *arena, const char *text)
{
    struct buf out = buf_make(arena, KIB);
    pack_text(&out, str_of(text));
    return buf_str(&out);
}

static str encoded_rules(struct arena *arena)
{
    struct buf out = buf_make(arena, KIB);
    pack_list(&out, 2);
    for (int at = 0; at < 2; at++) {
        pack_list(&out, 2);
        pack_bytes(&out, id_bytes(at == 0 ? &rule : &survivor));
        pack_text(&out, at == 0 ? S("One") : S("Two"));
    }
    return buf_str(&out);
}

static str body_of(struct arena *arena, const struct log_head *head)
{
    struct buf body = buf_make(arena, KIB);
    log_body_begin(&body, head);
    for (uint32_t at = 0; at < head->field_count; at++)
        log_body_field(&body, (uint16_t)(at + 7), encoded_text(arena, "old"), (str){});
    log_body_end(&body, head);
    return buf_str(&body);
}

TEST(test_past__reads_what_was_written_and_leaves_out_what_says_nothing)
{
    struct test_task test;
    test_task_init(&test);
    struct arena *arena = &test.arena;
    for (int turn = 0; turn < 8; turn++) {
        struct log_head head = {.operation = OPERATION_DELETE,
                                .flags = (turn & 1) != 0 ? LOG_BY_ENGINE : 0,
                                .into = (turn & 2) != 0 ? survivor : (struct id){},
                                .rules = (turn & 4) != 0 ? encoded_rules(arena) : (str){},
                                .field_count = 2};
        str body = body_of(arena, &head);
        check_int(value_of(body).count, turn >= 4 ? 5 : turn >= 2 ? 4 : turn == 1 ? 3 : 2);
        struct log_change change;
        check(log_change_read(body, &change));
        check_int(change.operation, OPERATION_DELETE);
        check_int(change.flags, head.flags);
        check(id_eq(change.into, head.into));
        uint16_t number;
        struct value old, new;
        for (uint16_t at = 0; at < 2; at++) {
            check(log_change_next(&change, &number, &old, &new));
            check_int(number, at + 7);
            check(str_eq(old.text, S("old")) && new.kind == VALUE_NIL);
        }
        check(!log_change_next(&change, &number, &old, &new));
        struct id id;
        str name;
        for (int at = 0; at < 2 && turn >= 4; at++) {
            check(log_change_rule(&change, &id, &name));
            check(id_eq(id, at == 0 ? rule : survivor));
            check_str(name, at == 0 ? S("One") : S("Two"));
        }
        check(!log_change_rule(&change, &id, &name));
    }
    test_task_drop(&test);
}

/** As all readers do; true when it could be read. */
static bool read_all(str body)
{
    struct log_change change;
    uint16_t number;
    struct value old, new;
    struct id id;
    str name;
    if (!log_change_read(body, &change)) return false;
    for (uint32_t at = 0; log_change_next(&change, &number, &old, &new); at++) check(at < KIB);
    for (uint32_t at = 0; log_change_rule(&change, &id, &name); at++) check(at < KIB);
    return true;
}

TEST(test_past__reads_damaged_bodies_without_harm)
{
    const char *given = getenv("ATRIUM_SEED");
    uint64_t seed = given != nullptr ? strtoull(given, nullptr, 10) : random_uint64() | 1;
    fprintf(stderr, "seed %llu (ATRIUM_SEED repeats it)\n", (unsigned long long)seed);
    random_seed(seed);
    struct test_task test;
    test_task_init(&test);
    struct log_head head = {
        .operation = OPERATION_UPDATE, .rules = encoded_rules(&test.arena), .field_count = 3};
    str whole = body_of(&test.arena, &head);
    char bytes[KIB];
    check(read_all(whole) && !read_all((str){}));
    uint32_t read = 0;
    for (int turn = 0; turn < 20'000; turn++) {
        memcpy(bytes, whole.at, whole.len);
        for (uint64_t count = 1 + random_uint64() % 3; count > 0; count--)
            bytes[random_uint64() % whole.len] = (char)random_uint64();
        size_t len = turn % 4 == 0 ? random_uint64() % whole.len : whole.len;
        read += read_all((str){bytes, len});
    }
    check(read > 0);
    random_seed(0);
    test_task_drop(&test);
}
