/* The kind for what has a form of its own: filter trees, what a roll-up counts, a view. */
#include "base/limits.h"
#include "base/require.h"
#include "model/kinds.h"
#include "value/json.h"

bool read_object(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored)
{
    require(given->kind != VALUE_NIL);
    if (given->kind != VALUE_MAP) return refuse_type(task, field, given, "an object");
    if (given->bytes.len > OBJECT_BYTES_MAX) {
        kind_fault(task, field, "length", "is larger than %zu KiB", OBJECT_BYTES_MAX / KIB);
        return false;
    }
    if (given->count == 0) pack_nil(stored);
    else pack_raw(stored, given->bytes);
    return true;
}

struct key_list order_nothing(struct arena *, const struct field *, const struct value *)
{
    return (struct key_list){};
}

bool order_text_nothing(struct task *task, const struct field *field, str, str *)
{
    kind_fault(task, field, "type", "is an object, which nothing compares");
    return false;
}

bool cell_object(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (str_trim(cell).len == 0) {
        pack_nil(given);
        return true;
    }
    struct task quiet = {.arena = task->arena};
    struct buf read = buf_make(task->arena, 4 * OBJECT_BYTES_MAX);
    bool is_read = json_read(&quiet, cell, &read) == ERR_NONE && !buf_is_over(&read);
    struct value value = value_of(is_read ? buf_str(&read) : (str){});
    if (value.kind != VALUE_MAP) {
        kind_fault(task, field, "format", "is no JSON object");
        return false;
    }
    pack_raw(given, value.bytes);
    return true;
}
