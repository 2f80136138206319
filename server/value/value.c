#include "value/value.h"

#include <math.h>

#include "base/crypto.h"
#include "base/fold.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"

/** Maps up to this size are searched for a key that stands twice pair by pair, larger ones by
 *  sorting. */
constexpr uint32_t KEYS_PAIRWISE_MAX = 8;
constexpr uint32_t KEYS_CAPACITY_MIN = 64;

/** Of 1, 2, 4 or 8 bytes. */
static inline uint64_t big_endian(const char *at, size_t bytes)
{
    uint64_t number = 0;
    for (size_t byte = 0; byte < bytes; byte++) number = number << 8 | (uint8_t)at[byte];
    return number;
}

/** The big-endian number at the cursor, which moves behind it. */
static inline bool take_number(struct cursor *cursor, size_t bytes, uint64_t *number_out)
{
    if (cursor_left(cursor) < bytes) return false;
    *number_out = big_endian(cursor->at, bytes);
    cursor->at += bytes;
    return true;
}

static inline bool read_integer(struct cursor *cursor, size_t bytes, bool is_signed,
                                struct value *value)
{
    uint64_t number;
    if (!take_number(cursor, bytes, &number)) return false;
    if (!is_signed && number > INT64_MAX) return false;
    unsigned unused_bits = is_signed ? 64 - 8 * (unsigned)bytes : 0;
    value->kind = VALUE_INT;
    value->integer = (int64_t)(number << unused_bits) >> unused_bits;
    return true;
}

static inline bool read_float(struct cursor *cursor, size_t bytes, struct value *value)
{
    uint64_t bits;
    if (!take_number(cursor, bytes, &bits)) return false;
    value->kind = VALUE_FLOAT;
    if (bytes == sizeof(float)) {
        uint32_t narrow_bits = (uint32_t)bits;
        float narrow;
        memcpy(&narrow, &narrow_bits, sizeof narrow);
        value->number = (double)narrow;
    } else {
        memcpy(&value->number, &bits, sizeof value->number);
    }
    return isfinite(value->number);
}

[[gnu::always_inline]] static inline bool read_bytes(struct cursor *cursor, uint64_t len,
                                                     enum value_kind kind, struct value *value)
{
    if (len > cursor_left(cursor)) return false;
    value->kind = kind;
    value->text = (str){cursor->at, (size_t)len};
    cursor->at += len;
    return true;
}

/** Bytes or text whose length stands in the next `bytes` bytes. */
static inline bool read_long_bytes(struct cursor *cursor, size_t bytes, enum value_kind kind,
                                   struct value *value)
{
    uint64_t len;
    return take_number(cursor, bytes, &len) && read_bytes(cursor, len, kind, value);
}

/** A list or map; each of its parts takes a byte at least, so a count beyond the bytes is a lie. */
static inline bool read_group(struct cursor *cursor, uint64_t count, enum value_kind kind,
                              struct value *value)
{
    uint64_t parts = kind == VALUE_MAP ? 2 * count : count;
    if (parts > cursor_left(cursor)) return false;
    value->kind = kind;
    value->count = (uint32_t)count;
    return true;
}

static inline bool read_long_group(struct cursor *cursor, size_t bytes, enum value_kind kind,
                                   struct value *value)
{
    uint64_t count;
    return take_number(cursor, bytes, &count) && read_group(cursor, count, kind, value);
}

/** Types whose first byte is c0 to df. Lengths stand in the calls, so that each is read by its own
 *  few instructions. */
static bool read_long_head(struct cursor *cursor, uint8_t first, struct value *value)
{
    switch (first) {
    case 0xc0:
        value->kind = VALUE_NIL;
        return true;
    case 0xc2:
    case 0xc3:
        value->kind = VALUE_BOOL;
        value->boolean = first == 0xc3;
        return true;
    case 0xc4:
        return read_long_bytes(cursor, 1, VALUE_BYTES, value);
    case 0xc5:
        return read_long_bytes(cursor, 2, VALUE_BYTES, value);
    case 0xc6:
        return read_long_bytes(cursor, 4, VALUE_BYTES, value);
    case 0xca:
        return read_float(cursor, 4, value);
    case 0xcb:
        return read_float(cursor, 8, value);
    case 0xcc:
        return read_integer(cursor, 1, false, value);
    case 0xcd:
        return read_integer(cursor, 2, false, value);
    case 0xce:
        return read_integer(cursor, 4, false, value);
    case 0xcf:
        return read_integer(cursor, 8, false, value);
    case 0xd0:
        return read_integer(cursor, 1, true, value);
    case 0xd1:
        return read_integer(cursor, 2, true, value);
    case 0xd2:
        return read_integer(cursor, 4, true, value);
    case 0xd3:
        return read_integer(cursor, 8, true, value);
    case 0xd9:
        return read_long_bytes(cursor, 1, VALUE_TEXT, value);
    case 0xda:
        return read_long_bytes(cursor, 2, VALUE_TEXT, value);
    case 0xdb:
        return read_long_bytes(cursor, 4, VALUE_TEXT, value);
    case 0xdc:
        return read_long_group(cursor, 2, VALUE_LIST, value);
    case 0xdd:
        return read_long_group(cursor, 4, VALUE_LIST, value);
    case 0xde:
        return read_long_group(cursor, 2, VALUE_MAP, value);
    case 0xdf:
        return read_long_group(cursor, 4, VALUE_MAP, value);
    default: /* c1 is no type, the rest are extension types */
        return false;
    }
}

static bool read_far_head(struct cursor *cursor, uint8_t first, struct value *value)
{
    if (first < 0x90) return read_group(cursor, first & 0x0f, VALUE_MAP, value);
    if (first < 0xa0) return read_group(cursor, first & 0x0f, VALUE_LIST, value);
    return read_long_head(cursor, first, value);
}

/** One value, but of a list or map only its head. The cursor moves; on false its place means
 *  nothing. Small numbers and short texts, which are most of what is stored, are read in place. */
[[gnu::always_inline]] static inline bool read_head(struct cursor *cursor, struct value *value)
{
    if (cursor->at == cursor->end) return false;
    uint8_t first = (uint8_t)*cursor->at++;
    if (first < 0x80 || first >= 0xe0) {
        value->kind = VALUE_INT;
        value->integer = (int8_t)first;
        return true;
    }
    if (first >= 0xa0 && first < 0xc0) return read_bytes(cursor, first & 0x1f, VALUE_TEXT, value);
    return read_far_head(cursor, first, value);
}

static inline uint64_t part_count(const struct value *value)
{
    if (value->kind == VALUE_LIST) return value->count;
    return value->kind == VALUE_MAP ? 2 * (uint64_t)value->count : 0;
}

/** How many bytes the commonest values take; 0: it must be read to know. There is a byte. */
static inline size_t plain_bytes(const char *at, size_t left)
{
    /* From c0 on, those of one length; of floats and 64 bits the contents count too. */
    static const uint8_t far[32] = {1, 0, 1, 1, [0x0c] = 2, 3, 5, [0x10] = 2, 3, 5, 9};
    uint8_t first = (uint8_t)at[0];
    if (first < 0x80 || first >= 0xe0) return 1;
    if (first < 0xa0) return 0;
    if (first < 0xc0) return 1U + (first & 0x1f);
    if (left < 2) return far[first & 0x1f];
    uint8_t second = (uint8_t)at[1];
    if (first == 0xc4 || first == 0xd9) return 2U + second;
    if (first == 0xcf && second < 0x80) return 9;
    return far[first & 0x1f];
}

/** Moves over `count` whole values: one counter for all levels, so depth costs nothing. */
static bool skip_values(struct cursor *cursor, uint64_t count)
{
    while (count > 0) {
        size_t left = cursor_left(cursor);
        size_t bytes = left == 0 ? 0 : plain_bytes(cursor->at, left);
        if (bytes > 0) {
            if (bytes > left) return false;
            cursor->at += bytes;
            if (--count > left - bytes) return false;
            continue;
        }
        struct value value;
        if (!read_head(cursor, &value)) return false;
        count += part_count(&value);
        count--;
        if (count > cursor_left(cursor)) return false;
    }
    return true;
}

/** The key of a pair; both kinds compare, so that keys have one order. */
static int compare_keys(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    if (a->kind == VALUE_TEXT) return str_compare(a->text, b->text);
    return a->integer < b->integer ? -1 : a->integer > b->integer;
}

static inline bool keys_eq(const struct value *a, const struct value *b)
{
    return a->kind == VALUE_TEXT ? str_eq(a->text, b->text) : a->integer == b->integer;
}

/** One list or map that value_check is in. */
struct level {
    uint64_t parts_left;
    uint32_t keys_from; /** where its keys begin among the keys */
    bool is_map;
};

struct checker {
    struct task *task;
    str bytes;
    struct cursor cursor;
    struct level levels[VALUE_DEPTH_MAX];
    uint32_t depth;
    uint32_t *keys; /** places of the keys of all open maps, innermost last */
    uint32_t key_count;
    uint32_t key_capacity;
};

static enum err refuse(struct checker *checker, const char *at, const char *why)
{
    size_t place = (size_t)(at - checker->bytes.at);
    return fail(checker->task, ERR_UNREADABLE, "MessagePack, byte %zu: %s", place, why);
}

static void push_key(struct checker *checker, const char *at)
{
    if (checker->key_count == checker->key_capacity) {
        uint32_t capacity =
            checker->key_capacity == 0 ? KEYS_CAPACITY_MIN : checker->key_capacity * 2;
        uint32_t *keys = arena_new(checker->task->arena, uint32_t, capacity);
        if (checker->key_count > 0) memcpy(keys, checker->keys, checker->key_count * sizeof *keys);
        checker->keys = keys;
        checker->key_capacity = capacity;
    }
    checker->keys[checker->key_count++] = (uint32_t)(at - checker->bytes.at);
}

static int compare_places(const struct checker *checker, uint32_t a, uint32_t b)
{
    struct cursor a_cursor = cursor_of(str_from(checker->bytes, a));
    struct cursor b_cursor = cursor_of(str_from(checker->bytes, b));
    struct value a_key = {}, b_key = {};
    bool are_read = read_head(&a_cursor, &a_key) && read_head(&b_cursor, &b_key);
    require(are_read);
    return compare_keys(&a_key, &b_key);
}

static void sift_down(const struct checker *checker, uint32_t *keys, uint32_t from, uint32_t count)
{
    for (uint32_t at = from, child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare_places(checker, keys[child], keys[child + 1]) < 0) child++;
        if (compare_places(checker, keys[at], keys[child]) >= 0) return;
        uint32_t swapped = keys[at];
        keys[at] = keys[child];
        keys[child] = swapped;
    }
}

/** Heap sort: no memory, and no input makes it slow. */
static void sort_keys(const struct checker *checker, uint32_t *keys, uint32_t count)
{
    for (uint32_t at = count / 2; at-- > 0;) sift_down(checker, keys, at, count);
    for (uint32_t end = count; end-- > 1;) {
        uint32_t largest = keys[0];
        keys[0] = keys[end];
        keys[end] = largest;
        sift_down(checker, keys, 0, end);
    }
}

static bool has_twin_pairwise(const struct checker *checker, const uint32_t *keys, uint32_t count,
                              uint32_t *twin_out)
{
    for (uint32_t later = 1; later < count; later++) {
        for (uint32_t earlier = 0; earlier < later; earlier++) {
            if (compare_places(checker, keys[earlier], keys[later]) != 0) continue;
            *twin_out = keys[later];
            return true;
        }
    }
    return false;
}

/** Whether keys that rise have no twin: stored records do, and need no sorting. */
static bool has_twin_in_order(const struct checker *checker, const uint32_t *keys, uint32_t count,
                              bool *is_rising_out, uint32_t *twin_out)
{
    *is_rising_out = true;
    for (uint32_t at = 1; at < count; at++) {
        int order = compare_places(checker, keys[at - 1], keys[at]);
        if (order > 0) *is_rising_out = false;
        if (order != 0) continue;
        *twin_out = keys[at];
        return true;
    }
    return false;
}

static bool has_twin(const struct checker *checker, uint32_t *keys, uint32_t count,
                     uint32_t *twin_out)
{
    if (count <= KEYS_PAIRWISE_MAX) return has_twin_pairwise(checker, keys, count, twin_out);
    bool is_rising;
    if (has_twin_in_order(checker, keys, count, &is_rising, twin_out)) return true;
    if (is_rising) return false;
    sort_keys(checker, keys, count);
    return has_twin_in_order(checker, keys, count, &is_rising, twin_out);
}

/** Ends every list and map that is complete. */
static enum err close_levels(struct checker *checker)
{
    while (checker->depth > 0) {
        struct level *level = &checker->levels[checker->depth - 1];
        if (level->parts_left > 0) return ERR_NONE;
        uint32_t twin;
        if (level->is_map) {
            uint32_t *keys = checker->keys + level->keys_from;
            if (has_twin(checker, keys, checker->key_count - level->keys_from, &twin))
                return refuse(checker, checker->bytes.at + twin, "a key that the map has already");
            checker->key_count = level->keys_from;
        }
        checker->depth--;
    }
    return ERR_NONE;
}

static enum err check_one(struct checker *checker)
{
    const char *at = checker->cursor.at;
    if (checker->cursor.at == checker->cursor.end)
        return refuse(checker, at, "the end comes too early");
    struct value value;
    if (!read_head(&checker->cursor, &value))
        return refuse(checker, at,
                      "an unknown type, a number out of range, or a length past the end");
    if (value.kind == VALUE_TEXT && !utf8_is_valid(value.text))
        return refuse(checker, at, "a text that is not UTF-8, or has a NUL");

    if (checker->depth > 0) {
        struct level *level = &checker->levels[checker->depth - 1];
        if (level->is_map && level->parts_left % 2 == 0) {
            if (value.kind != VALUE_TEXT && value.kind != VALUE_INT)
                return refuse(checker, at, "a map's key is neither text nor integer");
            push_key(checker, at);
        }
        level->parts_left--;
    }
    if (value.kind == VALUE_LIST || value.kind == VALUE_MAP) {
        if (checker->depth == VALUE_DEPTH_MAX) return refuse(checker, at, "nested too deep");
        checker->levels[checker->depth++] = (struct level){
            .parts_left = part_count(&value),
            .keys_from = checker->key_count,
            .is_map = value.kind == VALUE_MAP,
        };
    }
    return close_levels(checker);
}

enum err value_check(struct task *task, str bytes)
{
    struct checker checker = {.task = task, .bytes = bytes, .cursor = cursor_of(bytes)};
    if (bytes.len > UINT32_MAX) return fail(task, ERR_TOO_LARGE, "MessagePack over 4 GiB");
    do {
        TRY(check_one(&checker));
    } while (checker.depth > 0);
    if (cursor_left(&checker.cursor) > 0)
        return refuse(&checker, checker.cursor.at, "bytes behind the value");
    if (arena_is_over(task->arena)) return fail(task, ERR_TOO_LARGE, "MessagePack too large");
    return ERR_NONE;
}

bool value_next(struct cursor *cursor, struct value *value_out)
{
    struct cursor next = *cursor;
    struct value value = {};
    if (!read_head(&next, &value)) return false;
    if (value.kind == VALUE_LIST || value.kind == VALUE_MAP) {
        const char *items_at = next.at;
        if (!skip_values(&next, part_count(&value))) return false;
        value.items = str_between(items_at, next.at);
    }
    value.bytes = str_between(cursor->at, next.at);
    *value_out = value;
    *cursor = next;
    return true;
}

bool value_next_number(struct cursor *cursor, int64_t *number_out)
{
    struct value value;
    if (!read_head(cursor, &value)) return false;
    *number_out = value.kind == VALUE_INT ? value.integer : INT64_MIN;
    uint64_t parts = part_count(&value);
    return parts == 0 || skip_values(cursor, parts);
}

struct value value_of(str bytes)
{
    struct cursor cursor = cursor_of(bytes);
    struct value value;
    if (!value_next(&cursor, &value) || cursor_left(&cursor) > 0) return (struct value){};
    return value;
}

bool value_pairs(str map, struct cursor *pairs_out, uint32_t *count_out)
{
    struct value head;
    *pairs_out = cursor_of(map);
    if (!read_head(pairs_out, &head) || head.kind != VALUE_MAP) return false;
    *count_out = head.count;
    return true;
}

static bool find_key(str map, const struct value *key, struct value *value_out)
{
    struct cursor cursor;
    uint32_t count;
    if (!value_pairs(map, &cursor, &count)) return false;
    for (uint32_t pair = 0; pair < count; pair++) {
        struct value found;
        if (!read_head(&cursor, &found)) return false;
        if (part_count(&found) > 0 && !skip_values(&cursor, part_count(&found))) return false;
        if (found.kind == key->kind && keys_eq(&found, key)) return value_next(&cursor, value_out);
        if (!skip_values(&cursor, 1)) return false;
    }
    return false;
}

bool value_find(str map, uint64_t key, struct value *value_out)
{
    if (key > INT64_MAX) return false;
    return find_key(map, &(struct value){.kind = VALUE_INT, .integer = (int64_t)key}, value_out);
}

void value_find_all(str map, const uint64_t *keys, uint32_t count, struct value *values_out)
{
    struct cursor cursor;
    uint32_t pairs;
    for (uint32_t at = 0; at < count; at++) values_out[at] = (struct value){};
    if (!value_pairs(map, &cursor, &pairs)) return;
    for (uint32_t found = 0; found < count && pairs > 0; pairs--) {
        int64_t number;
        if (!value_next_number(&cursor, &number)) return;
        uint32_t at = 0;
        while (at < count && (number < 0 || keys[at] != (uint64_t)number)) at++;
        if (at < count) {
            if (!value_next(&cursor, &values_out[at])) return;
            found++;
        } else if (!skip_values(&cursor, 1)) {
            return;
        }
    }
}

bool value_find_text(str map, str key, struct value *value_out)
{
    return find_key(map, &(struct value){.kind = VALUE_TEXT, .text = key}, value_out);
}

str value_text_in(str map, str key)
{
    struct value value;
    return value_find_text(map, key, &value) && value.kind == VALUE_TEXT ? value.text : (str){};
}

str value_text_at(str map, uint64_t key)
{
    struct value value;
    return value_find(map, key, &value) && value.kind == VALUE_TEXT ? value.text : (str){};
}

bool value_id_at(str map, uint64_t key, struct id *id_out)
{
    str bytes;
    *id_out = (struct id){};
    return value_bytes_at(map, key, &bytes) && id_of_bytes(bytes, id_out);
}

bool value_int_at(str map, uint64_t key, int64_t *integer_out)
{
    struct value value;
    if (!value_find(map, key, &value) || value.kind != VALUE_INT) return false;
    *integer_out = value.integer;
    return true;
}

bool value_bytes_at(str map, uint64_t key, str *bytes_out)
{
    struct value value;
    if (!value_find(map, key, &value) || value.kind != VALUE_BYTES) return false;
    *bytes_out = value.text;
    return true;
}

bool value_is_true_at(str map, uint64_t key)
{
    struct value value;
    return value_find(map, key, &value) && value.kind == VALUE_BOOL && value.boolean;
}

/** An integral float becomes the integer it equals, so that numbers compare by value. */
static struct value plain_number(const struct value *value)
{
    struct value plain = *value;
    constexpr double limit = 0x1p63;
    if (value->kind != VALUE_FLOAT || value->number < -limit || value->number >= limit)
        return plain;
    if (trunc(value->number) != value->number) return plain;
    plain.kind = VALUE_INT;
    plain.integer = (int64_t)value->number;
    return plain;
}

static bool scalars_eq(const struct value *a, const struct value *b)
{
    struct value x = plain_number(a), y = plain_number(b);
    if (x.kind != y.kind) return false;
    switch (x.kind) {
    case VALUE_NIL:
        return true;
    case VALUE_BOOL:
        return x.boolean == y.boolean;
    case VALUE_INT:
        return x.integer == y.integer;
    case VALUE_FLOAT:
        return x.number == y.number;
    case VALUE_TEXT:
    case VALUE_BYTES:
        return str_eq(x.text, y.text);
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    return false;
}

/** A hash that equal values share, whatever the order of pairs: those are added up. Under a fresh
 *  random key nobody can aim at a collision, and maps in any order compare in one pass instead of
 *  n². */
static uint64_t hash_value(const struct short_key *key, const struct value *value, uint32_t depth)
{
    struct value plain = plain_number(value);
    char kind = (char)plain.kind;
    str name = {&kind, 1};
    if (plain.kind == VALUE_TEXT || plain.kind == VALUE_BYTES)
        return short_hash(key, name, plain.text);
    if (plain.kind != VALUE_LIST && plain.kind != VALUE_MAP) {
        uint64_t bits = 0;
        if (plain.kind == VALUE_BOOL) bits = plain.boolean;
        if (plain.kind == VALUE_INT || plain.kind == VALUE_FLOAT)
            memcpy(&bits, &plain.integer, sizeof bits);
        return short_hash(key, name, (str){(const char *)&bits, sizeof bits});
    }
    uint64_t sum = plain.count;
    struct cursor cursor = cursor_of(plain.items);
    struct value first, second;
    while (depth < VALUE_DEPTH_MAX && value_next(&cursor, &first)) {
        uint64_t parts[2] = {sum, hash_value(key, &first, depth + 1)};
        if (plain.kind == VALUE_MAP) {
            parts[0] = parts[1];
            if (!value_next(&cursor, &second)) break;
            parts[1] = hash_value(key, &second, depth + 1);
        }
        uint64_t mixed = short_hash(key, name, (str){(const char *)parts, sizeof parts});
        sum = plain.kind == VALUE_MAP ? sum + mixed : mixed;
    }
    return sum;
}

static bool hashes_eq(const struct value *a, const struct value *b)
{
    struct short_key key;
    random_fill(key.bytes, sizeof key.bytes);
    return hash_value(&key, a, 0) == hash_value(&key, b, 0);
}

/** Compares part by part. A map whose keys stand in another order stops it, without a verdict. */
static bool parts_eq(const struct value *a, const struct value *b, uint32_t depth,
                     bool *is_reordered_out)
{
    bool is_group = a->kind == VALUE_LIST || a->kind == VALUE_MAP;
    if (!is_group || a->kind != b->kind) return scalars_eq(a, b);
    if (a->count != b->count) return false;
    if (str_eq(a->bytes, b->bytes)) return true;
    /* Nothing deeper was let in, so what is deeper is damaged and equals nothing. */
    if (depth == VALUE_DEPTH_MAX) return false;
    struct cursor a_cursor = cursor_of(a->items), b_cursor = cursor_of(b->items);
    for (uint64_t part = 0; part < part_count(a); part++) {
        struct value x, y;
        if (!value_next(&a_cursor, &x) || !value_next(&b_cursor, &y)) return false;
        if (parts_eq(&x, &y, depth + 1, is_reordered_out)) continue;
        if (a->kind == VALUE_MAP && part % 2 == 0) *is_reordered_out = true;
        return false;
    }
    return true;
}

bool value_eq(const struct value *a, const struct value *b)
{
    bool is_reordered = false;
    if (parts_eq(a, b, 0, &is_reordered)) return true;
    return is_reordered && hashes_eq(a, b);
}
