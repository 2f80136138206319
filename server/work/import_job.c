#include "work/import_job.h"

#include "base/require.h"
#include "store/upload.h"
#include "work/import_request.h"

constexpr int64_t RELEASED_KEPT_MS = 600'000; /** behind the end of its import */
constexpr uint32_t SWEPT_MAX = 100;           /** uploads of one upkeep */

struct import_live {
    struct source *source;
    struct import *import;
    struct id upload;
    bool is_own;      /** nobody else knows of the upload */
    bool is_finished; /** all rows are done; the end may not be stored yet */
};

enum err import_job_open(struct job_run *run)
{
    struct import_live *live = arena_new(run->arena, struct import_live, 1);
    struct import_request request;
    struct task *task = run->task;
    if (!import_request_read(run->job.given, &request))
        return fail(task, ERR_CORRUPT, "what this job was asked to do is damaged");
    run->live = live;
    live->upload = request.upload;
    live->is_own = request.is_own;
    struct import_options options = {
        .space = &run->tenant.space,
        .model = run->tenant.model,
        .scope = &run->scope,
        .hooks = run->hooks,
        .rules = run->rules,
        .entity = model_entity(run->tenant.model, request.entity),
        .cause = run->job.id,
        .group = run->job.group,
    };
    if (options.entity == nullptr)
        return fail(task, ERR_INVALID, "there is no entity %.*s any more", FMT(request.entity));
    import_request_options(&request, &options);
    enum err err = upload_open(task, &run->tenant.space, request.upload, &live->source);
    if (err == ERR_MISSING)
        return fail(task, ERR_CONFLICT, "the upload of this import is there no more");
    TRY(err);
    options.source = live->source;
    TRY(import_open(task, &options, &live->import));
    run->job.total = live->source->bytes;
    /* A dry run keeps nothing, so it begins anew. */
    return import_seek(task, live->import, request.is_preview ? S("") : run->job.position);
}

static void tell_result(struct job_run *run, const struct import *import)
{
    struct buf result = buf_make(run->task->arena, JOB_RESULT_BYTES_MAX);
    if (import_is_preview(import)) import_put_preview(&result, import);
    else import_put_result(&result, import, true);
    if (!buf_is_over(&result)) run->job.result = buf_str(&result);
}

static enum err apply_turn(struct job_run *run, struct txn *txn, void *argument)
{
    struct import *import = argument;
    struct arena *arena = run->task->arena;
    import_arena(import)->escape = arena->escape;
    TRY(import_turn(import, txn));
    txn_set_task(txn, run->task);
    run->job.position = import_position(import, arena);
    run->job.done = import_bytes_done(import);
    tell_result(run, import);
    str failed = import_turn_failed_rows(import);
    if (failed.len == 0) return ERR_NONE;
    struct buf lines = buf_make(arena, failed.len + CSV_ROW_BYTES_MAX);
    if (import_failed_is_first(import)) buf_put(&lines, import_failed_header(import, arena));
    buf_put(&lines, failed);
    run->lines = buf_str(&lines);
    return ERR_NONE;
}

static enum err turn_write(struct job_run *run, struct import *import)
{
    struct job before = run->job;
    struct task *task = run->task;
    enum err err = import_is_preview(import) ? import_turn_dry(task, import)
                                             : job_write(run, apply_turn, import);
    if (err == ERR_NONE) {
        import_turned(import);
        run->job.done = import_bytes_done(import);
        return ERR_NONE;
    }
    /* Without room it is closed, and goes on later where it was. */
    bool has_no_room = err == ERR_FULL || (err == ERR_LIMITED && !import_is_over_quota(import));
    if (run->is_cancelled || has_no_room) return err;
    run->job = before;
    run->lines = S("");
    err = import_turn_undone(task, import, err);
    if (err == ERR_NONE) task->fault = (struct fault){};
    return err;
}

static enum err apply_end(struct job_run *run, struct txn *txn, void *argument)
{
    return import_settle(argument, run->task, txn);
}

enum err import_job_step(struct job_run *run, bool *is_over_out)
{
    struct import_live *live = run->live;
    struct import *import = live->import;
    TRY(import_fit(run->task, import, run->tenant.model, &run->scope));
    if (import_has_rows(import)) return turn_write(run, import);
    tell_result(run, import);
    run->job.done = run->job.total;
    live->is_finished = true;
    *is_over_out = run->is_over = true;
    return job_write(run, apply_end, import);
}

/** The table is not needed any more: its time ends as if there had been no import, or soon. Not at
 *  once, for the end may not be stored and the import be opened again. */
static void upload_release(struct task *task, const struct space *space,
                           const struct import_live *live)
{
    struct upload upload;
    struct task quiet = *task;
    quiet.fault = (struct fault){};
    if (upload_get(&quiet, space, live->upload, &upload) != ERR_NONE) return;
    int64_t soon_ms = task->now_ms + RELEASED_KEPT_MS;
    int64_t until_ms = upload.created_at_ms + UPLOAD_KEPT_MS;
    if (live->is_own || until_ms < soon_ms) until_ms = soon_ms;
    (void)!upload_keep(&quiet, space, live->upload, until_ms);
}

void import_job_close(struct job_run *run)
{
    struct import_live *live = run->live;
    if (live == nullptr) return;
    if ((live->is_finished || run->is_cancelled) && run->task != nullptr)
        upload_release(run->task, &run->tenant.space, live);
    import_close(live->import);
    upload_close(live->source);
}

enum err uploads_upkeep(struct task *task, const struct access *, const struct space *space)
{
    return uploads_sweep(task, space, SWEPT_MAX);
}
