/* The job that does one thing with all records which a filter tree means: those that are there when
 * it begins. Its place is the id that was looked at last. */
#include "base/clock.h"
#include "base/require.h"
#include "record/condition.h"
#include "work/bulk_turn.h"

constexpr uint32_t LOOKED_AT_MAX = 20'000;   /** records in one transaction */
constexpr int64_t LOOK_NS_MAX = 200'000'000; /** of one transaction */
constexpr size_t SCRATCH_BYTES_MAX = 16 * MIB;

/** From open to close. */
struct bulk_edit {
    struct bulk_turns turns;
    struct id last; /** looked at */
    /* Of the step. */
    struct arena scratch;
    uint32_t looked_at;
    bool is_at_end; /** none lie behind those found */
    uint32_t count;
    uint32_t at; /** of those found, the next to be changed */
    struct id found[BULK_TURN_OPERATIONS_MAX];
};

/* What is meant. */

/** As in a list, archived records are left out where the filter does not speak of them. */
static bool condition_leave_archived(struct task *task, struct condition_form *form,
                                     const struct condition **condition)
{
    const struct field *archived_at = form->entity->archived_at;
    const struct field *fields[CONDITION_TESTS_MAX];
    uint32_t count = condition_fields(*condition, fields);
    if (archived_at == nullptr) return true;
    for (uint32_t at = 0; at < count; at++)
        if (fields[at] == archived_at) return true;
    form->sight = sight_all(); /* not the reader asks for it */
    const struct condition *both[2] = {*condition};
    str name = arena_print(task->arena, "%.*s[empty]", FMT(archived_at->name)),
        is_empty = S("true");
    if (!condition_read_named(task, form, name, &is_empty, 1, &both[1])) return false;
    *condition = condition_all(task->arena, both, 2);
    return true;
}

static enum err edit_condition(struct job_run *run, struct txn *txn, const struct entity *entity,
                               const struct condition **condition_out)
{
    struct value tree;
    struct task *task = run->task;
    struct condition_form form = {.entity = entity,
                                  .arena = task->arena,
                                  .path = S("filter"),
                                  .sight = scope_sight(&run->scope)};
    struct view view = {task, txn, run->tenant.model, &run->scope};
    if (!value_find(run->job.given, BULK_FILTER, &tree))
        return fail(task, ERR_CORRUPT, "what a job was given is damaged");
    if (!condition_read(task, &form, &tree, condition_out) ||
        !condition_leave_archived(task, &form, condition_out) ||
        !condition_verify(&view, *condition_out))
        return task_faults(task);
    return ERR_NONE;
}

/** Whether the filter means the record, and the scope sees it. */
static enum err record_is_meant(const struct view *view, struct bulk_edit *edit,
                                const struct condition *condition, struct record *record,
                                bool *is_meant_out)
{
    arena_clear(&edit->scratch);
    *is_meant_out = condition_holds_record_seen(view, &edit->scratch, condition, record);
    if (!*is_meant_out) return ERR_NONE;
    enum err err = record_get(view, record->entity, record->id, record);
    *is_meant_out = err == ERR_NONE;
    if (err == ERR_MISSING) task_fault_clear(view->task);
    return err == ERR_MISSING ? ERR_NONE : err;
}

/** Those behind `last` that were made before the job was, as many as one turn may take. Only
 *  counted: all of them, in as many transactions as it takes. */
struct looking {
    struct bulk_edit *edit;
    bool only_counts;
    uint64_t count;
};

static enum err look(struct job_run *run, struct txn *txn, void *argument)
{
    struct looking *looking = argument;
    struct bulk_edit *edit = looking->edit;
    const struct entity *entity;
    const struct condition *condition;
    TRY(bulk_entity(run, &entity));
    TRY(edit_condition(run, txn, entity, &condition));
    struct view view = {run->task, txn, run->tenant.model, &run->scope};
    struct scan_range range = {.is_unbounded_from = true,
                               .is_unbounded_to = true,
                               .has_after = !id_is_nil(edit->last),
                               .after_id = edit->last};
    struct scan *scan = scan_records(txn, entity->number, &range);
    int64_t end_ns = clock_monotonic_ns() + LOOK_NS_MAX;
    edit->count = edit->at = edit->looked_at = 0;
    edit->is_at_end = false;
    while (edit->looked_at < LOOKED_AT_MAX && clock_monotonic_ns() < end_ns) {
        struct scan_entry entry;
        bool has_entry;
        if (edit->count == BULK_TURN_OPERATIONS_MAX) break;
        TRY(scan_next(scan, &has_entry, &entry));
        edit->is_at_end =
            !has_entry || memcmp(entry.id.bytes, run->job.id.bytes, sizeof entry.id.bytes) > 0;
        if (edit->is_at_end) break;
        struct record record = {entity, entry.id, entry.value};
        edit->last = entry.id;
        edit->looked_at++;
        bool is_meant;
        TRY(record_is_meant(&view, edit, condition, &record, &is_meant));
        if (!is_meant) continue;
        looking->count++;
        if (!looking->only_counts) edit->found[edit->count++] = entry.id;
    }
    scan_close(scan);
    return ERR_NONE;
}

/* The turn. */

/** Whether it is still meant, and still there. */
static enum err is_still_meant(struct job_run *run, struct txn *txn, struct bulk_edit *edit,
                               const struct condition *condition, struct id id, bool *is_meant_out)
{
    struct view view = {run->task, txn, run->tenant.model, &run->scope};
    struct record record = {edit->turns.entity, id, S("")};
    enum err err = txn_record_get_view(txn, edit->turns.entity->number, id, &record.value);
    *is_meant_out = false;
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    return record_is_meant(&view, edit, condition, &record, is_meant_out);
}

static enum err edit_apply(struct job_run *run, struct txn *txn, void *argument)
{
    struct bulk_edit *edit = argument;
    struct bulk_turns *turns = &edit->turns;
    const struct condition *condition;
    struct value patch;
    bool is_patch = value_find(run->job.given, BULK_PATCH, &patch);
    enum scope_action action = is_patch ? SCOPE_EDIT : SCOPE_DELETE;
    if (!scope_may(&run->scope, turns->entity->number, action))
        return fail(run->task, ERR_FORBIDDEN, "the user who started this job may not %s a %.*s",
                    is_patch ? "change" : "delete", FMT(turns->entity->name));
    TRY(edit_condition(run, txn, turns->entity, &condition));
    for (; edit->at < edit->count && bulk_turn_has_room(turns, patch.bytes.len); edit->at++) {
        struct id id = edit->found[edit->at];
        bool is_meant;
        TRY(is_still_meant(run, txn, edit, condition, id, &is_meant));
        if (!is_meant) continue;
        struct bulk_operation operation = {
            .verb = is_patch ? OPERATION_UPDATE : OPERATION_DELETE, .id = id, .given = patch};
        struct task task;
        arena_clear(&turns->arena);
        task_init(&task, &turns->arena);
        task.now_ms = run->task->now_ms;
        task.request_id = run->job.id;
        TRY(bulk_turn_run(turns, run, txn, &task, &operation, ERR_NONE));
        turns->bytes += patch.bytes.len;
    }
    if (edit->at < edit->count) edit->last = edit->found[edit->at - 1];
    run->is_over = edit->at == edit->count && edit->is_at_end;
    /* Some of those counted at the beginning may have gone, or may be others now. */
    if (run->is_over) run->job.total = turns->index;
    turns->place = id_bytes(&edit->last);
    return ERR_NONE;
}

enum err bulk_edit_step(struct job_run *run, [[maybe_unused]] bool *is_over_out)
{
    struct bulk_edit *edit = run->live;
    struct looking looking = {.edit = edit};
    TRY(job_read(run, look, &looking));
    return bulk_turn_write(&edit->turns, run, edit_apply, edit);
}

/* Open and close. */

enum err bulk_edit_open(struct job_run *run)
{
    struct bulk_edit *edit = arena_new(run->arena, struct bulk_edit, 1);
    run->live = edit;
    arena_init(&edit->scratch, SCRATCH_BYTES_MAX);
    TRY(bulk_turns_open(&edit->turns, run));
    (void)id_of_bytes(edit->turns.place, &edit->last);
    if (run->job.total > 0 || edit->turns.place.len > 0) return ERR_NONE;
    struct looking looking = {.edit = edit, .only_counts = true};
    do TRY(job_read(run, look, &looking));
    while (!edit->is_at_end);
    run->job.total = looking.count;
    edit->last = (struct id){};
    return ERR_NONE;
}

void bulk_edit_close(struct job_run *run)
{
    struct bulk_edit *edit = run->live;
    arena_drop(&edit->scratch);
    bulk_turns_close(&edit->turns);
}
