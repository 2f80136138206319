#include "work/job_undo.h"

#include "access/access.h"
#include "base/require.h"
#include "record/group.h"
#include "record/show.h"

constexpr uint32_t ENTRIES_WANTED = 250; /** of the log in one step, whole changes */
constexpr size_t LINES_BYTES_MAX = MIB;

/** Where it stands; stored as a list of these, in order. */
struct undo_place {
    uint64_t before; /** entries from this sequence on are done */
    uint64_t changed, deleted, restored, kept;
};

struct undo_live {
    struct id group;
    struct undo_place place;
};

/** What one step takes back. */
struct undo_step {
    struct undo_live *live;
    uint32_t count;
    uint64_t sequences[CHANGE_WRITES_MAX];
};

/** Whoever does not see everything is told how much there is of what he sees, at the end. */
static bool counts_all(const struct job_run *run)
{
    return scope_sees_everything(&run->scope, run->tenant.model);
}

enum err undo_job_begin(struct task *task, struct txn *txn, const struct scope *scope,
                        struct id group, struct job *job_out)
{
    struct buf given = buf_make(task->arena, 64);
    pack_bytes(&given, id_bytes(&group));
    TRY(job_create(task, txn, scope, S("undo"), buf_str(&given), job_out));
    return group_note_undone(task, txn, group, job_out->group, job_out->id);
}

static enum err count_entries(struct job_run *run, struct txn *txn, void *argument)
{
    struct undo_live *live = argument;
    return counts_all(run) ? group_count(txn, live->group, &run->job.total) : ERR_NONE;
}

enum err undo_job_open(struct job_run *run)
{
    struct undo_live *live = arena_new(run->arena, struct undo_live, 1);
    struct value given = value_of(run->job.given), item;
    *live = (struct undo_live){.place.before = INT64_MAX};
    run->live = live;
    if (given.kind != VALUE_BYTES || !id_of_bytes(given.text, &live->group)) return ERR_CORRUPT;
    uint64_t *parts[] = {&live->place.before, &live->place.changed, &live->place.deleted,
                         &live->place.restored, &live->place.kept};
    struct value position = value_of(run->job.position);
    struct cursor items = cursor_of(position.items);
    for (size_t at = 0; at < 5 && position.kind == VALUE_LIST && value_next(&items, &item); at++)
        if (item.kind == VALUE_INT) *parts[at] = (uint64_t)item.integer;
    return run->job.total > 0 ? ERR_NONE : job_read(run, count_entries, live);
}

static enum err read_slice(struct job_run *run, struct txn *txn, void *argument)
{
    struct undo_step *step = argument;
    struct undo_slice slice = {.group = step->live->group,
                               .before = step->live->place.before,
                               .wanted = ENTRIES_WANTED,
                               .max = CHANGE_WRITES_MAX};
    return undo_slice_read(run->task, txn, &slice, step->sequences, &step->count);
}

static void tell_kept(struct job_run *run, const struct undo *undo)
{
    struct buf lines = buf_make(run->task->arena, LINES_BYTES_MAX);
    for (uint32_t at = 0; at < undo->told_count; at++) {
        undo_kept_write(&lines, scope_sight(&run->scope), &undo->kept[at]);
        buf_put_byte(&lines, '\n');
    }
    if (!buf_is_over(&lines)) run->lines = buf_str(&lines);
}

/** Those of the step's entries that the actor sees, one after another; nullptr: there are no
 *  more. */
static enum err seen_next(struct job_run *run, struct txn *txn, const struct undo_step *step,
                          uint32_t *at, struct log_entry *entry, const struct entity **entity_out)
{
    struct view view = {run->task, txn, run->tenant.model, &run->scope};
    for (; *at < step->count; ++*at) {
        TRY(txn_log_from(txn, step->sequences[*at], entry));
        *entity_out = model_entity_by_number(run->tenant.model, entry->entity);
        if (*entity_out != nullptr && history_sees(&view, *entity_out, entry)) {
            ++*at;
            return ERR_NONE;
        }
    }
    *entity_out = nullptr;
    return ERR_NONE;
}

/** A step whose changes cannot be taken back together leaves them as they are, and says so. */
static enum err keep_all(struct job_run *run, struct txn *txn, const struct undo_step *step,
                         struct undo *undo)
{
    task_fault_clear(run->task);
    run->task->fault.detail = (str){};
    undo->kept_count = undo->told_count = 0;
    undo->changed = undo->deleted = undo->restored = 0;
    struct log_entry entry;
    const struct entity *entity;
    for (uint32_t at = 0;;) {
        TRY(seen_next(run, txn, step, &at, &entry, &entity));
        if (entity == nullptr) return ERR_NONE;
        undo_keep_record(undo, entity, entry.record, UNDO_NEEDED);
    }
}

static void note_result(struct job_run *run, const struct undo_place *place)
{
    struct buf position = buf_make(run->task->arena, 128), result = buf_make(run->task->arena, 256);
    const uint64_t parts[] = {place->before, place->changed, place->deleted, place->restored,
                              place->kept};
    static const str names[] = {S("changed"), S("deleted"), S("restored"), S("kept_count")};
    pack_list(&position, 5);
    for (size_t at = 0; at < 5; at++) pack_int(&position, (int64_t)parts[at]);
    pack_map(&result, 4);
    for (size_t at = 0; at < 4; at++) {
        pack_text(&result, names[at]);
        pack_int(&result, (int64_t)parts[at + 1]);
    }
    run->job.position = buf_str(&position);
    run->job.result = buf_str(&result);
}

static enum err count_done(struct job_run *run, struct txn *txn, const struct undo_step *step)
{
    struct log_entry entry;
    const struct entity *entity;
    if (counts_all(run)) return run->job.done += step->count, ERR_NONE;
    for (uint32_t at = 0;; run->job.done++) {
        TRY(seen_next(run, txn, step, &at, &entry, &entity));
        if (entity == nullptr) return ERR_NONE;
    }
}

static enum err take_back(struct job_run *run, struct txn *txn, void *argument)
{
    struct undo_step *step = argument;
    struct undo_live *live = step->live;
    struct hooks hooks = hooks_without_rules(run->hooks);
    struct change change = job_change(run, txn);
    change.hooks = &hooks;
    struct undo undo = {.change = &change};
    struct savepoint savepoint = txn_savepoint(txn);
    TRY(count_done(run, txn, step)); /* while it is seen */
    enum err err = undo_entries(&undo, step->sequences, step->count);
    if (err == ERR_NONE) err = access_finish_change(&change, nullptr);
    if (err == ERR_CONFLICT || err == ERR_INVALID || err == ERR_TOO_LARGE) {
        txn_rollback(txn, savepoint);
        err = keep_all(run, txn, step, &undo);
    }
    TRY(err);
    struct undo_place place = live->place;
    place.before = step->sequences[step->count - 1];
    place.changed += undo.changed;
    place.deleted += undo.deleted;
    place.restored += undo.restored;
    place.kept += undo.kept_count;
    note_result(run, &place);
    tell_kept(run, &undo);
    live->place = place;
    return ERR_NONE;
}

enum err undo_job_step(struct job_run *run, bool *is_over_out)
{
    struct undo_step *step = arena_new(run->task->arena, struct undo_step, 1);
    *step = (struct undo_step){.live = run->live};
    TRY(job_read(run, read_slice, step));
    if (step->count > 0) return job_write(run, take_back, step);
    note_result(run, &step->live->place);
    run->job.total = run->job.done;
    *is_over_out = true;
    return job_write(run, nullptr, nullptr);
}
