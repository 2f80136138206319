#include "api/actions.h"

#include "access/audit.h"
#include "api/groups.h"
#include "api/jobs.h"
#include "api/parameters.h"
#include "api/records.h"
#include "api/reply.h"
#include "record/gone.h"
#include "record/merging.h"
#include "record/undo.h"
#include "work/job_erase.h"
#include "work/job_merge.h"
#include "work/job_undo.h"

constexpr uint32_t MERGE_REFERENCES_MAX = 100'000; /** counted for an answer */

enum err actions_archive(struct call *call)
{
    struct change change = change_begin(call);
    TRY(with_survivor(call, record_archive(&change, call->entity, call->record, true)));
    TRY(change_end(call, &change));
    return reply_record(call, 200, call->record, nullptr);
}

/** The record itself must come back, whatever else is kept. */
static enum err verify_restored(struct call *call, const struct undo *undo)
{
    for (uint32_t at = 0; at < undo->told_count; at++) {
        const struct undo_kept *kept = &undo->kept[at];
        if (kept->entity != call->entity || !id_eq(kept->id, call->record) ||
            kept->field != nullptr)
            continue;
        return fail(call->task, ERR_CONFLICT, "this %.*s cannot come back: %.*s",
                    FMT(call->entity->name), FMT(undo_reason_text(kept->reason)));
    }
    return ERR_NONE;
}

/** A record that was deleted by a job went with more than one change holds. */
static enum err deletion_job(struct call *call, struct id *group_out)
{
    struct log_entry entry;
    struct job job;
    *group_out = (struct id){};
    enum err err =
        txn_log_of_record(call->txn, call->entity->number, call->record, UINT64_MAX, &entry);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    struct id group = entry.group;
    err = job_get(call->task, call->txn, entry.cause, &job);
    if (err == ERR_NONE && str_eq(job.kind, S("delete"))) *group_out = group;
    if (err != ERR_NONE) task_fault_clear(call->task);
    return err == ERR_MISSING ? ERR_NONE : err;
}

static enum err restore_deleted(struct call *call)
{
    uint64_t sequences[CHANGE_WRITES_MAX];
    uint32_t count;
    struct view view = call_view(call);
    struct id group;
    TRY(undo_of_deletion(&view, call->entity, call->record, sequences, &count));
    TRY(deletion_job(call, &group));
    if (!id_is_nil(group)) {
        struct job job;
        TRY(undo_job_begin(call->task, call->txn, &call->identity.scope, group, &job));
        return reply_job_as_is(call, &job);
    }
    struct hooks hooks = hooks_without_rules(call->hooks);
    struct change change = change_begin(call);
    change.hooks = &hooks;
    struct undo undo = {.change = &change};
    TRY(undo_entries(&undo, sequences, count));
    TRY(verify_restored(call, &undo));
    TRY(change_end(call, &change));
    return reply_record(call, 200, call->record, nullptr);
}

enum err actions_restore(struct call *call)
{
    struct view view = call_view(call);
    struct record record;
    enum err err = record_get(&view, call->entity, call->record, &record);
    if (err == ERR_MISSING) {
        task_fault_clear(call->task);
        return restore_deleted(call);
    }
    TRY(err);
    if (call->entity->archived_at == nullptr)
        return fail(call->task, ERR_CONFLICT, "this %.*s is not deleted", FMT(call->entity->name));
    struct change change = change_begin(call);
    TRY(record_archive(&change, call->entity, call->record, false));
    TRY(change_end(call, &change));
    return reply_record(call, 200, call->record, nullptr);
}

/* Merging. */

/** Of what the caller may view. */
static void put_counts(struct buf *json, const struct view *view, const char *name,
                       const uint32_t *counts)
{
    uint32_t shown = 0;
    buf_print(json, ",\"%s\":{", name);
    for (uint16_t number = 0; number < ENTITIES_MAX; number++) {
        if (counts[number] == 0 || !scope_may(view->scope, number, SCOPE_VIEW)) continue;
        const struct entity *entity = model_entity_by_number(view->model, number);
        buf_print(json, "%s\"%.*s\":%u", shown++ == 0 ? "" : ",", FMT(entity->name),
                  counts[number]);
    }
    buf_put_byte(json, '}');
}

static enum err reply_preview(struct call *call, const struct merging *merging,
                              const struct record *record, uint32_t references)
{
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    buf_put(&json, S("{\"preview\":true,\"record\":"));
    record_write(&json, &view, record, nullptr);
    put_counts(&json, &view, "moved", merging->moved);
    put_counts(&json, &view, "dropped", merging->dropped);
    buf_print(&json, ",\"references\":%u}", references);
    return reply_json(call, 200, &json);
}

/** More refers to the others than one change holds. */
static enum err merge_as_job(struct call *call, struct merging *merging, uint32_t references,
                             bool is_preview)
{
    struct record record;
    TRY(merging_preview(merging, &record));
    if (is_preview) return reply_preview(call, merging, &record, references);
    return reply_job(call, S("merge"),
                     merge_job_given(call->task, call->entity, call->record, &call->given));
}

static enum err merge_at_once(struct call *call, struct merging *merging)
{
    TRY(merging_run(merging));
    return change_end(call, merging->change);
}

enum err actions_merge(struct call *call)
{
    bool is_preview;
    uint32_t references, told = 0;
    TRY(preview_read(call, &is_preview));
    struct change change = change_begin(call);
    struct merging *merging = arena_new(call->task->arena, struct merging, 1);
    TRY(with_survivor(call,
                      merging_read(&change, call->entity, call->record, &call->given, merging)));
    TRY(merging_count(merging, MERGE_REFERENCES_MAX, &references));
    if (is_preview) TRY(merging_count_seen(merging, MERGE_REFERENCES_MAX, &told));
    if (references > CHANGE_WRITES_MAX) return merge_as_job(call, merging, told, is_preview);
    struct savepoint savepoint = txn_savepoint(call->txn);
    enum err err = merge_at_once(call, merging);
    if (err == ERR_TOO_LARGE) {
        txn_rollback(call->txn, savepoint);
        task_fault_clear(call->task);
        call->reply.header_count = 0;
        return merge_as_job(call, merging, told, is_preview);
    }
    TRY(err);
    if (!is_preview) return reply_record(call, 200, call->record, nullptr);
    struct view view = call_view(call);
    struct record record;
    TRY(record_get(&view, call->entity, call->record, &record));
    record.value = arena_copy(call->task->arena, record.value);
    txn_rollback(call->txn, savepoint);
    call->reply.header_count = 0;
    return reply_preview(call, merging, &record, told);
}

/** What the job would only find later is refused at once: who may not lose the record. */
static enum err verify_erasable(struct call *call)
{
    struct hooks hooks = hooks_without_rules(call->hooks);
    struct change change = change_begin(call);
    struct savepoint savepoint = txn_savepoint(call->txn);
    change.hooks = &hooks;
    enum err err = record_delete(&change, call->entity, call->record, nullptr);
    txn_rollback(call->txn, savepoint);
    return err == ERR_TOO_LARGE ? records_verify_deletion(call) : err;
}

enum err actions_erase(struct call *call)
{
    struct view view = call_view(call);
    struct record record;
    struct log_entry newest;
    enum err err = record_get(&view, call->entity, call->record, &record);
    if (err == ERR_NONE) {
        TRY(verify_erasable(call));
    } else if (err == ERR_MISSING) {
        /* What lies in the trash is erased as well. */
        struct fault fault = call->task->fault;
        task_fault_clear(call->task);
        err = txn_log_of_record(call->txn, call->entity->number, call->record, UINT64_MAX, &newest);
        if (err == ERR_MISSING) call->task->fault = fault;
    }
    TRY(err);
    return reply_job(call, S("erase"), erase_job_given(call->task, call->entity, call->record));
}

enum err actions_person(struct call *call)
{
    struct view view = call_view(call);
    struct record record;
    struct log_entry newest;
    enum err err = record_get(&view, call->entity, call->record, &record);
    if (err == ERR_MISSING) {
        /* Of what lies in the trash the history is there. */
        struct fault fault = call->task->fault;
        task_fault_clear(call->task);
        err = txn_log_of_record(call->txn, call->entity->number, call->record, UINT64_MAX, &newest);
        if (err == ERR_MISSING) call->task->fault = fault;
    }
    TRY(err);
    struct audit_event event = audit_of(&call->identity, AUDIT_PERSON_EXPORTED, call->address);
    event.entity = call->entity->number;
    event.record = call->record;
    audit_put(call->txn, &event);
    return reply_job(call, S("person"), erase_job_given(call->task, call->entity, call->record));
}

enum err actions_unknown(struct call *call)
{
    struct buf names = buf_make(call->task->arena, 256);
    for (uint32_t at = 0; at < ACTION_COUNT; at++)
        if ((call->entity->actions & 1U << at) != 0)
            buf_print(&names, "%s%.*s", names.len == 0 ? "" : ", ", FMT(action_names[at]));
    return fail(call->task, ERR_MISSING, "there is no such action of %.*s; there are: %.*s",
                FMT(call->entity->plural), FMT(names.len == 0 ? S("none") : buf_str(&names)));
}

enum err trash_list(struct call *call)
{
    struct log_page page;
    TRY(log_page_read(call, &page));
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    uint64_t before = page.has_after ? page.after : UINT64_MAX;
    TRY(trash_write(&json, &view, call->entity, before, page.limit));
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}
