#include "api/trials.h"

#include "api/jobs.h"
#include "api/parameters.h"
#include "api/reply.h"
#include "api/roads.h"
#include "api/routes.h"
#include "api/runs.h"
#include "base/limits.h"
#include "base/require.h"
#include "rules/trial.h"
#include "value/text.h"
#include "work/backtest_job.h"

constexpr int64_t BACKTEST_USUAL_MS = 30 * DAY_MS;

static enum err test(struct call *call)
{
    struct view view = call_view(call);
    struct trial_asked asked = {.rule = call->record, .given = call->given};
    struct buf json = reply_buf(call);
    TRY(trial_run(call->rules, &view, &asked, &json));
    return reply_json(call, 200, &json);
}

enum err trials_test(struct call *call)
{
    return call_read(call, true, test);
}

/** `GET …/explain?id=…&change=…&run=…` says the same as a body. */
static enum err given_by_query(struct call *call, struct value *given_out)
{
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    struct buf pairs = buf_make(call->task->arena, call->query.len + 64);
    struct buf map = buf_make(call->task->arena, call->query.len + 80);
    uint32_t count = 0;
    enum err err;
    while (parameter_next(call, &query, &parameter, &err)) {
        int64_t sequence;
        bool is_change = str_eq(parameter.name, S("change"));
        bool is_known =
            is_change || str_eq(parameter.name, S("id")) || str_eq(parameter.name, S("run"));
        if (!is_known) {
            parameter_judge(&parameter, unknown_parameter(call, parameter.name, "id, change, run"));
            continue;
        }
        if (is_change && !str_to_int64(parameter.value, &sequence)) {
            parameter_judge(&parameter, fail_parameter(call->task, S("change"), S("type"),
                                                       "is the sequence of an entry"));
            continue;
        }
        pack_text(&pairs, parameter.name);
        if (is_change) pack_int(&pairs, sequence);
        else pack_text(&pairs, parameter.value);
        count++;
    }
    TRY(err);
    pack_map(&map, count);
    pack_raw(&map, buf_str(&pairs));
    require(!buf_is_over(&map));
    *given_out = value_of(buf_str(&map));
    return ERR_NONE;
}

static enum err explain(struct call *call)
{
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    TRY(trial_explain(call->rules, &view, call->record, &call->given, &json));
    return reply_json(call, 200, &json);
}

enum err trials_explain(struct call *call)
{
    if (!call->route->has_body) TRY(given_by_query(call, &call->given));
    runs_flush(call);
    return call_read(call, false, explain);
}

/* Over recorded changes. */

static void read_moment(struct call *call, const struct value *value, str name, int64_t *ms_out)
{
    if (value->kind == VALUE_NIL) return;
    if (value->kind != VALUE_TEXT || !time_parse(value->text, ms_out) || *ms_out < 0)
        task_fault(call->task, name, S("format"), "is a time (RFC 3339) or a date");
}

static enum err read_period(struct call *call, struct backtest_asked *asked)
{
    struct task *task = call->task;
    struct cursor cursor = cursor_of(call->given.items);
    *asked = (struct backtest_asked){.rule = call->record, .to_ms = task->now_ms + 1};
    asked->from_ms = task->now_ms - BACKTEST_USUAL_MS;
    if (call->given.kind != VALUE_MAP && call->given.kind != VALUE_NIL)
        return fail(task, ERR_INVALID, "send an object with `from`, `to` and `version`");
    for (uint32_t at = 0; call->given.kind == VALUE_MAP && at < call->given.count; at++) {
        struct value name, value;
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value)) break;
        if (str_eq(name.text, S("from"))) read_moment(call, &value, name.text, &asked->from_ms);
        else if (str_eq(name.text, S("to"))) read_moment(call, &value, name.text, &asked->to_ms);
        else if (!str_eq(name.text, S("version")))
            task_fault(task, name.text, S("unknown"), "there are from, to and version");
        else if (value.kind == VALUE_INT && value.integer > 0) asked->version = value.integer;
        else if (value.kind != VALUE_NIL)
            task_fault(task, name.text, S("type"), "is the number of a version");
    }
    if (asked->from_ms >= asked->to_ms)
        task_fault(task, S("to"), S("range"), "is not behind `from`");
    return task_faults(task);
}

enum err trials_backtest(struct call *call)
{
    struct backtest_asked asked;
    struct view view = call_view(call);
    struct job job;
    struct rule rule;
    str state;
    TRY(rule_find(call->rules, &view, call->record, &rule, &state));
    TRY(read_period(call, &asked));
    TRY(backtest_job_begin(call->rules, &view, &asked, &job));
    return reply_job_as_is(call, &job);
}
