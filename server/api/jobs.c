#include "api/jobs.h"

#include "api/parameters.h"
#include "api/reply.h"
#include "api/rights.h"
#include "base/require.h"
#include "rules/saving.h"

constexpr uint32_t LOOKED_AT_MAX = 400; /** jobs of others passed over for one page */

/* Beginning. */

enum err reply_job_as_is(struct call *call, const struct job *job)
{
    struct buf json = reply_buf(call);
    job_write_json(&json, job);
    str id = id_text(call->task->arena, job->id);
    reply_header(call, S("location"), arena_print(call->task->arena, "/api/v1/jobs/%.*s", FMT(id)));
    return reply_json(call, job_is_over(job) ? 200 : 202, &json);
}

enum err reply_job(struct call *call, str kind, str given)
{
    struct job job;
    TRY(job_create(call->task, call->txn, &call->identity.scope, kind, given, &job));
    return reply_job_as_is(call, &job);
}

/* Looking. */

static bool may_everything(struct call *call)
{
    struct task quiet = {.arena = call->task->arena, .now_ms = call->task->now_ms};
    struct view view = call_view(call);
    view.task = &quiet;
    return rule_verify_author(&view) == ERR_NONE;
}

/** What was begun with every right is nothing to one who has lost some since, nor to who looks
 *  after jobs with fewer. */
static bool is_seen(struct call *call, const struct job *job)
{
    static const str of_everything[] = {S("person"), S("backtest")};
    if (!rights_to_begun(call, job->actor, job->token)) return false;
    for (size_t at = 0; at < sizeof of_everything / sizeof of_everything[0]; at++)
        if (str_eq(job->kind, of_everything[at])) return may_everything(call);
    return true;
}

/** The job of the path; one that is not his to see is not there. */
static enum err find(struct call *call, struct job *job_out)
{
    TRY(job_get(call->task, call->txn, call->record, job_out));
    if (is_seen(call, job_out)) return ERR_NONE;
    return fail(call->task, ERR_MISSING, "there is no such job");
}

static enum err reply_found(struct call *call, const struct job *job)
{
    struct buf json = reply_buf(call);
    job_write_json(&json, job);
    return reply_json(call, 200, &json);
}

struct jobs_page {
    struct id after; /** nil: the newest */
    uint32_t limit;
};

static enum err parameter_take(struct call *call, const struct parameter *parameter,
                               struct jobs_page *page)
{
    if (str_eq(parameter->name, S("limit")))
        return limit_read(call, parameter->value, PAGE_RECORDS_MAX, &page->limit);
    if (!str_eq(parameter->name, S("after")))
        return unknown_parameter(call, parameter->name, "after, limit");
    if (id_parse(parameter->value, &page->after)) return ERR_NONE;
    return fail_parameter(call->task, S("after"), S("format"), "must be what `next` gave");
}

static enum err page_read(struct call *call, struct jobs_page *page)
{
    *page = (struct jobs_page){.limit = PAGE_RECORDS_DEFAULT};
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err))
        parameter_judge(&parameter, parameter_take(call, &parameter, page));
    return err;
}

enum err jobs_list(struct call *call)
{
    struct jobs_page page;
    TRY(page_read(call, &page));
    struct buf json = reply_buf(call);
    struct id last = page.after;
    uint32_t shown = 0;
    bool is_at_end = false;
    buf_put(&json, S("{\"data\":["));
    for (uint32_t seen = 0; seen < LOOKED_AT_MAX; seen++) {
        struct job job;
        enum err err = job_before(call->task, call->txn, last, &job);
        is_at_end = err == ERR_MISSING;
        if (is_at_end) break;
        TRY(err);
        bool is_told = is_seen(call, &job);
        if (is_told && shown == page.limit) break;
        last = job.id;
        if (!is_told) continue;
        if (shown++ > 0) buf_put_byte(&json, ',');
        job_write_json(&json, &job);
    }
    if (is_at_end) buf_put(&json, S("],\"next\":null}"));
    else buf_print(&json, "],\"next\":\"%.*s\"}", FMT(id_text(call->task->arena, last)));
    return reply_json(call, 200, &json);
}

enum err jobs_read(struct call *call)
{
    struct job job;
    TRY(find(call, &job));
    return reply_found(call, &job);
}

enum err jobs_cancel(struct call *call)
{
    struct job job;
    TRY(find(call, &job));
    TRY(job_cancel(call->task, call->txn, call->record, &job));
    return reply_found(call, &job);
}

/* Results. */

enum err jobs_find_told(struct call *call, struct job *job_out)
{
    TRY(find(call, job_out));
    if (id_eq(job_out->actor, call->identity.user) || may_everything(call)) return ERR_NONE;
    return fail(call->task, ERR_MISSING, "what it tells is for who began it");
}

enum err jobs_lines_next(struct call *call, struct buf *slice, bool *is_over_out)
{
    uint32_t *chunk = call->state;
    while (slice->len < SLICE_BYTES_USUAL) {
        str lines;
        enum err err = job_lines(call->task, call->txn, call->record, *chunk, &lines);
        *is_over_out = err == ERR_MISSING;
        if (*is_over_out) return ERR_NONE;
        TRY(err);
        ++*chunk;
        buf_put(slice, lines);
    }
    return ERR_NONE;
}

enum err jobs_results(struct call *call)
{
    struct job job;
    TRY(jobs_find_told(call, &job));
    reply_slices(call, S("application/x-ndjson"), jobs_lines_next,
                 arena_new(call->task->arena, uint32_t, 1));
    return ERR_NONE;
}
