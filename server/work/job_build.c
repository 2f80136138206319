#include "work/job_build.h"

#include "base/fold.h"
#include "base/require.h"
#include "record/rebuild.h"

constexpr size_t GIVEN_BYTES_MAX = 64;
constexpr uint32_t FAULTS_TOLD_MAX = 20;

enum err build_queue(struct change *change, uint16_t entity, struct id *job)
{
    struct job present, made;
    if (!id_is_nil(*job)) {
        struct task quiet = {.arena = change->task->arena};
        enum err err = job_get(&quiet, change->txn, *job, &present);
        if (err == ERR_NONE && present.state == JOB_QUEUED) return ERR_NONE;
        if (err != ERR_NONE && err != ERR_MISSING) return err;
    }
    struct buf given = buf_make(change->task->arena, GIVEN_BYTES_MAX);
    pack_map(&given, 1);
    pack_text(&given, S("entity"));
    pack_int(&given, entity);
    TRY(job_create(change->task, change->txn, nullptr, S("build"), buf_str(&given), &made));
    *job = made.id;
    return ERR_NONE;
}

/** One stretch of records. */
struct stretch {
    const struct entity *entity;
    uint16_t number;
    struct id after;
    uint32_t count;
    struct id ids[REBUILD_RECORDS_MAX];
    bool is_last;
};

static enum err stretch_read(struct job_run *run, struct txn *txn, void *argument)
{
    struct stretch *stretch = argument;
    struct scan_range range = {.is_unbounded_from = true,
                               .is_unbounded_to = true,
                               .has_after = !id_is_nil(stretch->after),
                               .after_id = stretch->after};
    /* Its entity may be gone: then so are its records. */
    if (model_entity_by_number(run->tenant.model, stretch->number) == nullptr)
        return stretch->is_last = true, ERR_NONE;
    struct scan *scan = scan_records(txn, stretch->number, &range);
    enum err err = ERR_NONE;
    while (stretch->count < REBUILD_RECORDS_MAX) {
        bool has_entry;
        struct scan_entry entry;
        err = scan_next(scan, &has_entry, &entry);
        stretch->is_last = err == ERR_NONE && !has_entry;
        if (err != ERR_NONE || !has_entry) break;
        stretch->ids[stretch->count++] = entry.id;
    }
    scan_close(scan);
    return err;
}

static enum err stretch_write(struct job_run *run, struct txn *txn, void *argument)
{
    struct stretch *stretch = argument;
    struct change change = job_change(run, txn);
    const struct entity *entity = model_entity_by_number(change.model, stretch->number);
    if (entity != nullptr) {
        TRY(records_rebuild(&change, entity, stretch->ids, stretch->count));
        TRY(records_judge_unique(&change, entity, stretch->ids, stretch->count));
        TRY(task_faults(run->task));
    }
    if (stretch->is_last || entity == nullptr) {
        stretch->is_last = true;
        TRY(build_finish(&change, run->job.id));
    }
    return ERR_NONE;
}

struct giving_up {
    uint16_t entity;
    str problem;
};

static enum err give_up(struct job_run *run, struct txn *txn, void *argument)
{
    const struct giving_up *giving_up = argument;
    struct change change = job_change(run, txn);
    return build_give_up_unique(&change, giving_up->entity, run->job.id, giving_up->problem);
}

/** The records that share a value are named in the job and at the field. */
static enum err tell_taken(struct job_run *run, uint16_t entity)
{
    struct task *task = run->task;
    struct fault fault = task->fault;
    struct buf problem = buf_make(task->arena, 4 * KIB);
    buf_print(&problem, "is not unique: ");
    for (uint32_t at = 0; at < fault.item_count && at < FAULTS_TOLD_MAX; at++)
        buf_print(&problem, "%s%.*s", at == 0 ? "" : "; ", FMT(fault.items[at].message));
    struct giving_up giving_up = {entity, utf8_first(buf_str(&problem), 1000)};
    task_fault_clear(task);
    run->is_over = false; /* it ends with the fault, not with what this writes */
    TRY(job_write(run, give_up, &giving_up));
    task->fault = fault;
    return fail(task, ERR_CONFLICT, "%.*s", FMT(giving_up.problem));
}

enum err build_step(struct job_run *run, bool *is_over_out)
{
    struct value entity, after = value_of(run->job.position);
    struct stretch *stretch = arena_new(run->task->arena, struct stretch, 1);
    if (!value_find_text(run->job.given, S("entity"), &entity) || entity.kind != VALUE_INT)
        return fail(run->task, ERR_CORRUPT, "the job does not say what is to be built");
    stretch->number = (uint16_t)entity.integer;
    if (after.kind == VALUE_BYTES) (void)id_of_bytes(after.text, &stretch->after);
    TRY(job_read(run, stretch_read, stretch));
    if (stretch->count > 0) {
        struct buf position = buf_make(run->task->arena, 32);
        pack_bytes(&position, id_bytes(&stretch->ids[stretch->count - 1]));
        run->job.position = buf_str(&position);
        run->job.done += stretch->count;
    }
    run->is_over = stretch->is_last;
    enum err err = job_write(run, stretch_write, stretch);
    if (err == ERR_INVALID && run->task->fault.item_count > 0)
        return tell_taken(run, stretch->number);
    *is_over_out = stretch->is_last;
    return err;
}
