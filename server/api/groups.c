#include "api/groups.h"

#include "api/jobs.h"
#include "api/parameters.h"
#include "api/records.h"
#include "api/reply.h"
#include "record/group.h"
#include "work/job_undo.h"

enum err preview_read(struct call *call, bool *is_preview_out)
{
    *is_preview_out = false;
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err)) {
        bool is_it = str_eq(parameter.name, S("preview"));
        parameter_judge(&parameter, is_it ? flag_read(call, &parameter, is_preview_out)
                                          : unknown_parameter(call, parameter.name, "preview"));
    }
    return err;
}

enum err groups_read(struct call *call)
{
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    TRY(group_write(&json, &view, call->record));
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}

/** ERR_CONFLICT when it was undone before, or is being undone. */
static enum err verify_not_undone(struct call *call)
{
    struct group_state state;
    struct job job;
    TRY(group_state_get(call->task, call->txn, call->record, &state));
    if (id_is_nil(state.undone_by)) return ERR_NONE;
    if (!id_is_nil(state.job)) {
        enum err err = job_get(call->task, call->txn, state.job, &job);
        bool is_left = err == ERR_NONE && (job.state == JOB_FAILED || job.state == JOB_CANCELLED);
        if (err != ERR_NONE) task_fault_clear(call->task);
        if (is_left) return ERR_NONE;
        if (err == ERR_NONE && !job_is_over(&job))
            return fail(call->task, ERR_CONFLICT, "this group is being undone by the job %.*s",
                        FMT(id_text(call->task->arena, state.job)));
    }
    return fail(call->task, ERR_CONFLICT, "this group was undone already, by the group %.*s",
                FMT(id_text(call->task->arena, state.undone_by)));
}

static enum err reply_undo(struct call *call, const struct undo *undo, bool is_preview)
{
    struct buf json = reply_buf(call);
    struct arena *arena = call->task->arena;
    bool has_done = undo->changed + undo->deleted + undo->restored > 0;
    buf_print(&json, "{\"undone\":\"%.*s\",\"group\":", FMT(id_text(arena, call->record)));
    if (has_done && !is_preview)
        buf_print(&json, "\"%.*s\"", FMT(id_text(arena, undo->change->group)));
    else buf_put(&json, S("null"));
    buf_print(&json,
              ",\"preview\":%s,\"changed\":%u,\"deleted\":%u,\"restored\":%u,"
              "\"kept_count\":%u,\"kept\":[",
              is_preview ? "true" : "false", undo->changed, undo->deleted, undo->restored,
              undo->kept_count);
    for (uint32_t at = 0; at < undo->told_count; at++) {
        if (at > 0) buf_put_byte(&json, ',');
        undo_kept_write(&json, scope_sight(&call->identity.scope), &undo->kept[at]);
    }
    buf_put(&json, S("]}"));
    return reply_json(call, 200, &json);
}

/** More than one change can hold: it can be told only how much there is, or be done as a job. */
static enum err undo_as_job(struct call *call, uint64_t seen, bool is_preview)
{
    struct job job;
    if (is_preview) {
        struct buf json = reply_buf(call);
        buf_print(&json, "{\"undone\":\"%.*s\",\"group\":null,\"preview\":true,\"entries\":%llu}",
                  FMT(id_text(call->task->arena, call->record)), (unsigned long long)seen);
        return reply_json(call, 200, &json);
    }
    TRY(undo_job_begin(call->task, call->txn, &call->identity.scope, call->record, &job));
    return reply_job_as_is(call, &job);
}

static enum err undo_at_once(struct call *call, struct undo *undo)
{
    uint64_t sequences[CHANGE_WRITES_MAX];
    uint32_t count;
    struct undo_slice slice = {.group = call->record,
                               .before = UINT64_MAX,
                               .wanted = CHANGE_WRITES_MAX,
                               .max = CHANGE_WRITES_MAX};
    TRY(undo_slice_read(call->task, call->txn, &slice, sequences, &count));
    TRY(undo_entries(undo, sequences, count));
    return change_end(call, undo->change);
}

enum err groups_undo(struct call *call)
{
    bool is_preview;
    uint64_t count, seen;
    struct view view = call_view(call);
    TRY(preview_read(call, &is_preview));
    TRY(group_count_seen(&view, call->record, &seen));
    TRY(group_count(call->txn, call->record, &count));
    TRY(verify_not_undone(call));
    if (count > CHANGE_WRITES_MAX) return undo_as_job(call, seen, is_preview);
    struct hooks hooks = hooks_without_rules(call->hooks);
    struct change change = change_begin(call);
    change.hooks = &hooks;
    struct undo undo = {.change = &change};
    struct savepoint savepoint = txn_savepoint(call->txn);
    enum err err = undo_at_once(call, &undo);
    if (err == ERR_TOO_LARGE) {
        txn_rollback(call->txn, savepoint);
        task_fault_clear(call->task);
        return undo_as_job(call, seen, is_preview);
    }
    TRY(err);
    if (is_preview) {
        txn_rollback(call->txn, savepoint);
        call->reply.header_count = 0;
    } else if (undo.changed + undo.deleted + undo.restored > 0) {
        TRY(group_note_undone(call->task, call->txn, call->record, change.group, (struct id){}));
    }
    return reply_undo(call, &undo, is_preview);
}
