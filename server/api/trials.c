#include "api/trials.h"

#include "api/parameters.h"
#include "api/reply.h"
#include "api/roads.h"
#include "api/routes.h"
#include "api/runs.h"
#include "base/require.h"
#include "rules/trial.h"

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
    TRY(rules_check_author(call));
    TRY(no_parameters(call));
    return call_read(call, true, test);
}

/** `GET …/explain?id=…&change=…&run=…` says the same as a body. */
static enum err given_by_query(struct call *call, struct value *given_out)
{
    struct cursor query = cursor_of(call->query);
    struct parameter parameter;
    struct buf pairs = buf_make(call->task->arena, call->query.len + 64);
    struct buf map = buf_make(call->task->arena, call->query.len + 80);
    uint32_t count = 0;
    enum err err;
    while (parameter_next(call, &query, &parameter, &err)) {
        int64_t sequence;
        bool is_change = str_eq(parameter.name, S("change"));
        if (!is_change && !str_eq(parameter.name, S("id")) && !str_eq(parameter.name, S("run")))
            return unknown_parameter(call, parameter.name, "id, change, run");
        if (is_change && !str_to_int64(parameter.value, &sequence))
            return fail(call->task, ERR_UNREADABLE, "change: is the sequence of an entry");
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
    TRY(rules_check_author(call));
    if (call->route->has_body) TRY(no_parameters(call));
    else TRY(given_by_query(call, &call->given));
    runs_flush(call);
    return call_read(call, false, explain);
}
