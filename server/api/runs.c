#include "api/runs.h"

#include "api/parameters.h"
#include "api/records.h"
#include "api/reply.h"
#include "api/roads.h"
#include "base/require.h"
#include "record/models.h"
#include "rules/saving.h"
#include "rules/trace.h"
#include "rules/trial.h"
#include "value/json.h"

constexpr uint32_t RUNS_LOOKED_AT_MAX = 2000; /** for one page; then its `next` goes on */
constexpr uint32_t DAYS_USUAL = 30;

void runs_flush(struct call *call)
{
    struct traces *traces = call->rules == nullptr ? nullptr : rules_traces(call->rules);
    if (traces != nullptr) (void)traces_flush(traces, &call->tenant.space, TRACES_FLUSH_MS_MAX);
}

/** Whether this id is, or was, one of a rule: of a record, also one that was deleted since, or of a
 *  built-in one. */
static bool rule_is_known(struct call *call)
{
    struct log_entry newest;
    const struct entity *rules = model_entity(call->tenant.model, S("rule"));
    bool is =
        txn_log_of_record(call->txn, rules->number, call->record, UINT64_MAX, &newest) == ERR_NONE;
    struct rule_stretch builtin = {};
    if (call->rules != nullptr) builtin = rule_sets_builtin(rules_sets(call->rules));
    for (uint32_t at = 0; at < builtin.count && !is; at++)
        is = id_eq(builtin.rules[at].id, call->record);
    return is;
}

static enum err check_rule(struct call *call)
{
    if (id_is_nil(call->record) || rule_is_known(call)) return ERR_NONE;
    return fail(call->task, ERR_MISSING, "there is no such rule");
}

/* Lists. */

struct runs_page {
    struct id rule; /** nil: of all */
    bool has_outcome;
    enum run_outcome outcome;
    bool has_trial, is_trial;
    struct id after;
    uint32_t limit;
};

static enum err outcome_read(struct call *call, str word, struct runs_page *page)
{
    for (int outcome = RUN_DONE; outcome <= RUN_OVERRAN; outcome++) {
        if (!str_eq(run_outcome_word((enum run_outcome)outcome), word)) continue;
        page->has_outcome = true;
        page->outcome = (enum run_outcome)outcome;
        return ERR_NONE;
    }
    return fail_parameter(call->task, S("outcome"), S("choice"),
                          "is done, rejected, failed or overran");
}

static enum err parameter_take(struct call *call, const struct parameter *parameter,
                               struct runs_page *page)
{
    str value = parameter->value;
    if (str_eq(parameter->name, S("limit")))
        return limit_read(call, value, PAGE_RECORDS_MAX, &page->limit);
    if (str_eq(parameter->name, S("outcome"))) return outcome_read(call, value, page);
    if (str_eq(parameter->name, S("after"))) {
        if (id_parse(value, &page->after)) return ERR_NONE;
        return fail_parameter(call->task, S("after"), S("format"), "must be what `next` gave");
    }
    if (str_eq(parameter->name, S("trial"))) {
        page->has_trial = true;
        return flag_read(call, parameter, &page->is_trial);
    }
    if (str_eq(parameter->name, S("rule")) && id_is_nil(call->record)) {
        if (id_parse(value, &page->rule)) return ERR_NONE;
        return fail_parameter(call->task, S("rule"), S("format"), "must be the id of a rule");
    }
    return unknown_parameter(call, parameter->name,
                             id_is_nil(call->record) ? "rule, outcome, trial, after, limit"
                                                     : "outcome, trial, after, limit");
}

static enum err page_read(struct call *call, struct runs_page *page)
{
    *page = (struct runs_page){.limit = PAGE_RECORDS_DEFAULT, .rule = call->record};
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err))
        parameter_judge(&parameter, parameter_take(call, &parameter, page));
    return err;
}

static bool is_wanted(const struct runs_page *page, const struct trace *trace)
{
    return (!page->has_outcome || page->outcome == trace->result.outcome) &&
           (!page->has_trial || page->is_trial == trace->is_trial);
}

static enum err list(struct call *call)
{
    struct runs_page page;
    TRY(page_read(call, &page));
    TRY(check_rule(call));
    struct buf json = reply_buf(call);
    struct id last = page.after;
    uint32_t shown = 0;
    bool is_at_end = false;
    buf_put(&json, S("{\"data\":["));
    for (uint32_t seen = 0; seen < RUNS_LOOKED_AT_MAX; seen++) {
        struct trace trace;
        enum err err = trace_before(call->task, call->txn, page.rule, last, &trace);
        is_at_end = err == ERR_MISSING;
        if (is_at_end) break;
        TRY(err);
        bool is_seen = is_wanted(&page, &trace);
        if (is_seen && shown == page.limit) break;
        last = trace.id;
        if (!is_seen) continue;
        if (shown++ > 0) buf_put_byte(&json, ',');
        trace_write(&json, call->tenant.model, &trace, false);
    }
    if (is_at_end) buf_put(&json, S("],\"next\":null}"));
    else buf_print(&json, "],\"next\":\"%.*s\"}", FMT(id_text(call->task->arena, last)));
    return reply_json(call, 200, &json);
}

enum err runs_list(struct call *call)
{
    runs_flush(call);
    return call_read(call, false, list);
}

/** The runs of a rule that was deleted since can still be seen; of built-in ones, too. */
enum err runs_of_rule(struct call *call)
{
    return runs_list(call);
}

static enum err read_one(struct call *call)
{
    struct trace trace;
    TRY(trace_get(call->task, call->txn, call->record, &trace));
    struct buf json = reply_buf(call);
    trace_write(&json, call->tenant.model, &trace, true);
    return reply_json(call, 200, &json);
}

enum err runs_read(struct call *call)
{
    runs_flush(call);
    return call_read(call, false, read_one);
}

/* Days. */

static enum err days_take(struct call *call, const struct parameter *parameter, uint32_t *days_out)
{
    int64_t days;
    if (!str_eq(parameter->name, S("days")))
        return unknown_parameter(call, parameter->name, "days");
    if (!str_to_int64(parameter->value, &days) || days < 1 || days > (int64_t)TRACE_DAYS_KEPT)
        return fail_parameter(call->task, S("days"), S("range"), "is a number from 1 to %u",
                              TRACE_DAYS_KEPT);
    *days_out = (uint32_t)days;
    return ERR_NONE;
}

static enum err days_read(struct call *call, uint32_t *days_out)
{
    *days_out = DAYS_USUAL;
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err))
        parameter_judge(&parameter, days_take(call, &parameter, days_out));
    return err;
}

static enum err write_days(struct call *call)
{
    uint32_t days;
    TRY(days_read(call, &days));
    TRY(check_rule(call));
    struct buf json = reply_buf(call);
    buf_put(&json, S("{\"data\":"));
    TRY(trace_days_write(&json, call->task, call->txn, call->record, days));
    buf_put_byte(&json, '}');
    return reply_json(call, 200, &json);
}

enum err runs_days(struct call *call)
{
    runs_flush(call);
    return call_read(call, false, write_days);
}

/* Again. */

static enum err read_talk(struct call *call)
{
    struct trace trace;
    str *talk = call->state;
    TRY(trace_get(call->task, call->txn, call->record, &trace));
    return trace_talk(call->task, call->txn, call->record, talk);
}

enum err runs_replay(struct call *call)
{
    str talk, difference;
    bool is_same;
    runs_flush(call);
    call->state = &talk;
    TRY(call_read(call, false, read_talk));
    TRY(run_replay(call->rules, call->task, &call->tenant.space, talk, &is_same, &difference));
    struct buf json = reply_buf(call);
    buf_print(&json, "{\"same\":%s,\"difference\":", is_same ? "true" : "false");
    if (is_same) buf_put(&json, S("null"));
    else json_write_text(&json, difference);
    buf_put_byte(&json, '}');
    return reply_json(call, 200, &json);
}

/* As a test. */

struct keeping {
    struct work work;
    struct call *call;
    str name;
    struct value expected;
    str test; /** the record to be made */
    struct id id;
};

static enum err keep_read(struct call *call, struct keeping *keeping)
{
    struct cursor cursor = cursor_of(call->given.items);
    struct task *task = call->task;
    for (uint32_t at = 0; call->given.kind == VALUE_MAP && at < call->given.count; at++) {
        struct value name, value;
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value)) break;
        bool is_text = value.kind == VALUE_TEXT, is_map = value.kind == VALUE_MAP;
        if (str_eq(name.text, S("name")) && is_text) keeping->name = value.text;
        else if (str_eq(name.text, S("expected")) && is_map) keeping->expected = value;
        else if (str_eq(name.text, S("name")) || str_eq(name.text, S("expected")))
            task_fault(task, name.text, S("type"),
                       str_eq(name.text, S("name")) ? "is a text" : "is an object");
        else task_fault(task, name.text, S("unknown"), "there are name and expected");
    }
    if (keeping->name.len == 0) task_fault(task, S("name"), S("required"), "is required");
    return task_faults(task);
}

static enum err read_test(struct call *call)
{
    struct keeping *keeping = call->state;
    struct view view = call_view(call);
    struct trace trace;
    TRY(trace_get(call->task, call->txn, call->record, &trace));
    TRY(keep_read(call, keeping));
    return trial_keep(call->rules, &view, call->record, keeping->name, &keeping->expected,
                      &keeping->test);
}

/** In the tenant's lane. */
static enum err make_test(struct work *work, struct txn *txn)
{
    struct keeping *keeping = (struct keeping *)work;
    struct call *call = keeping->call;
    struct value given = value_of(keeping->test);
    txn_set_task(txn, call->task);
    TRY(model_of(call->task, txn, call->tenant.model, &call->tenant.model));
    call->txn = txn;
    struct change change = change_begin(call);
    TRY(record_create(&change, model_entity(call->tenant.model, S("rule_test")), &given,
                      &keeping->id));
    return change_end(call, &change);
}

static enum err show_test(struct call *call)
{
    const struct keeping *keeping = call->state;
    call->entity = model_entity(call->tenant.model, S("rule_test"));
    reply_header(call, S("location"),
                 arena_print(call->task->arena, "/api/v1/%.*s/%.*s", FMT(call->entity->plural),
                             FMT(id_text(call->task->arena, keeping->id))));
    return reply_record(call, 201, keeping->id, nullptr);
}

enum err runs_keep(struct call *call)
{
    struct keeping *keeping = arena_new(call->task->arena, struct keeping, 1);
    keeping->call = call;
    runs_flush(call);
    call->state = keeping;
    TRY(call_read(call, false, read_test));
    keeping->work = (struct work){.run = make_test, .arena = call->task->arena};
    enum err err = store_write(call->access->store, &call->tenant.space, &keeping->work);
    call->txn = nullptr;
    TRY(err);
    return call_read(call, false, show_test);
}
