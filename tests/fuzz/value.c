/* value: whatever the bytes, checking and reading them touches nothing outside; what value_check
 * accepts can be read whole, compared, and packed again into an equal value. */
#include <stdint.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"
#include "value/json.h"

static void pack_again(struct buf *out, const struct value *value, uint32_t depth);

static void pack_parts(struct buf *out, const struct value *group, uint32_t depth)
{
    struct cursor cursor = cursor_of(group->items);
    struct value part;
    uint32_t count = 0;
    for (; value_next(&cursor, &part); count++) pack_again(out, &part, depth);
    require(cursor_left(&cursor) == 0);
    require(count == (group->kind == VALUE_MAP ? 2 * group->count : group->count));
}

static void pack_again(struct buf *out, const struct value *value, uint32_t depth)
{
    require(depth <= VALUE_DEPTH_MAX);
    switch (value->kind) {
    case VALUE_NIL:
        pack_nil(out);
        return;
    case VALUE_BOOL:
        pack_bool(out, value->boolean);
        return;
    case VALUE_INT:
        pack_int(out, value->integer);
        return;
    case VALUE_FLOAT:
        pack_float(out, value->number);
        return;
    case VALUE_TEXT:
        pack_text(out, value->text);
        return;
    case VALUE_BYTES:
        pack_bytes(out, value->text);
        return;
    case VALUE_LIST:
        pack_list(out, value->count);
        pack_parts(out, value, depth + 1);
        return;
    case VALUE_MAP:
        pack_map(out, value->count);
        pack_parts(out, value, depth + 1);
        return;
    }
    require(false);
}

/** Each key of a map must be found again, and give the value behind it. */
static void find_keys(const struct value *map)
{
    struct cursor cursor = cursor_of(map->items);
    struct value key, behind, found;
    while (value_next(&cursor, &key) && value_next(&cursor, &behind)) {
        if (key.kind == VALUE_TEXT) require(value_find_text(map->bytes, key.text, &found));
        else if (key.integer >= 0) require(value_find(map->bytes, (uint64_t)key.integer, &found));
        else continue;
        require(found.bytes.at == behind.bytes.at && found.bytes.len == behind.bytes.len);
    }
}

/** Bytes that nobody checked: as damaged storage would be read. */
static void read_unchecked(str bytes)
{
    struct cursor cursor = cursor_of(bytes);
    struct value value, found;
    while (value_next(&cursor, &value)) {
        require(value.bytes.len > 0);
        (void)value_find(value.bytes, 1, &found);
        (void)value_find_text(value.bytes, S("a"), &found);
        struct value whole = value_of(bytes);
        (void)value_eq(&value, &whole);
    }
}

/** As a body: what is taken is what the same in JSON would have been read as. */
static void give(struct task *task, str bytes, const struct value *value)
{
    struct buf given = buf_make(task->arena, 4 * BODY_BYTES_MAX);
    if (value_read_given(task, bytes, &given) != ERR_NONE) {
        require(task->fault.detail.len > 0);
        return;
    }
    struct value taken = value_of(buf_str(&given));
    require(value_eq(value, &taken));
    struct buf json = buf_make(task->arena, 16 * MIB);
    json_write(&json, &taken);
    struct buf read = buf_make(task->arena, 4 * BODY_BYTES_MAX);
    struct task reading;
    task_init(&reading, task->arena);
    if (json_read(&reading, buf_str(&json), &read) != ERR_NONE) {
        require(json.len > BODY_BYTES_MAX);
        return;
    }
    struct value back = value_of(buf_str(&read));
    require(value_eq(&taken, &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static struct arena arena;
    if (arena.soft_cap_bytes == 0) arena_init(&arena, 64 * MIB);
    random_seed(1);
    struct task task;
    task_init(&task, &arena);
    str bytes = {(const char *)input, len};
    read_unchecked(bytes);
    if (value_check(&task, bytes) == ERR_NONE) {
        struct value value = value_of(bytes);
        require(str_eq(value.bytes, bytes));
        struct buf again = buf_make(&arena, 4 * len + 16);
        pack_again(&again, &value, 0);
        require(!buf_is_over(&again));
        require(value_check(&task, buf_str(&again)) == ERR_NONE);
        struct value second = value_of(buf_str(&again));
        require(value_eq(&value, &second) && value_eq(&second, &value));
        if (value.kind == VALUE_MAP) find_keys(&value);
        give(&task, bytes, &value);
    } else {
        require(task.fault.detail.len > 0);
    }
    arena_clear(&arena);
    return 0;
}
