/* References by name: what a cell means that names a record. */
#include "record/query.h"
#include "work/import_engine.h"

static bool names_find_by(struct import_lane_names *lane, struct task *task, const struct field *by,
                          str cell, struct id *id_out, uint32_t *count_out)
{
    struct task quiet = *task;
    quiet.fault = (struct fault){};
    str ordered;
    *count_out = 0;
    if (!by->kind_of->order_text(&quiet, by, cell, &ordered)) return true;
    struct id ids[2]; /* one is wanted, two are too many */
    enum err err;
    if (key_is_cut(ordered)) { /* only texts are: all of it is compared */
        struct buf stored = buf_make(task->arena, cell.len + 8);
        pack_text(&stored, cell);
        struct value value = value_of(buf_str(&stored));
        err = query_find_same_seen(lane->view, by, &value, 2, ids, count_out);
    } else {
        err = query_find_seen(lane->view, by, ordered, 2, ids, count_out);
    }
    if (err != ERR_NONE) return false;
    if (*count_out > 0) *id_out = ids[0];
    return true;
}

/** By each unique field of the target, then by its title. */
bool import_names_find(struct import_names *names, struct task *task, const struct field *field,
                       str cell, struct id *id_out)
{
    struct import_lane_names *lane = (struct import_lane_names *)names;
    const struct entity *to = field->to;
    uint32_t count = 0;
    for (uint32_t at = 0; at < to->field_count && count == 0; at++) {
        const struct field *by = &to->fields[at];
        if (!by->is_indexed || by->to != nullptr || !scope_sees_field(lane->view->scope, by))
            continue;
        if (!by->is_unique && by != to->title) continue;
        if (names_find_by(lane, task, by, cell, id_out, &count)) continue;
        task_fault(task, field->name, S("reference"), "could not be looked up now");
        return false;
    }
    if (count == 1) return true;
    if (count == 0)
        task_fault(task, field->name, S("reference"), "names no record of %.*s", FMT(to->plural));
    else
        task_fault(task, field->name, S("reference"),
                   "names several records of %.*s; give the id of one", FMT(to->plural));
    return false;
}
