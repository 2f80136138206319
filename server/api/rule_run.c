#include "api/rule_run.h"

#include "api/jobs.h"
#include "api/records.h"
#include "api/reply.h"
#include "rules/rules.h"
#include "rules/saving.h"
#include "work/rule_job.h"

/** Whether there is such a rule, though it is not active. */
static bool is_known(struct call *call)
{
    struct view view = call_view(call);
    struct task quiet = {.arena = call->task->arena, .now_ms = call->task->now_ms};
    struct record record;
    view.task = &quiet;
    const struct entity *entity = model_entity_by_number(call->tenant.model, RULE_ENTITY);
    if (record_get(&view, entity, call->record, &record) == ERR_NONE) return true;
    struct rule_stretch builtin = rule_sets_builtin(rules_sets(call->rules));
    for (uint32_t at = 0; at < builtin.count; at++)
        if (id_eq(builtin.rules[at].id, call->record)) return true;
    return false;
}

static enum err find(struct call *call, const struct rule **rule_out)
{
    struct view view = call_view(call);
    const struct rule_set *set;
    TRY(rule_set_of(rules_sets(call->rules), &view, &set));
    *rule_out = rule_set_find(set, call->record);
    if (*rule_out != nullptr) return ERR_NONE;
    if (is_known(call))
        return fail(call->task, ERR_CONFLICT, "this rule is not active: activate it first");
    return fail(call->task, ERR_MISSING, "there is no such rule");
}

/* By a button. */

struct asked {
    struct id record;
    str input; /** an encoded map, or empty */
};

static enum err asked_read(struct call *call, struct asked *asked)
{
    struct task *task = call->task;
    struct cursor pairs = cursor_of(call->given.items);
    struct value key, value;
    bool has_record = false;
    for (uint32_t at = 0; call->given.kind == VALUE_MAP && at < call->given.count; at++) {
        if (!value_next(&pairs, &key) || !value_next(&pairs, &value)) break;
        if (str_eq(key.text, S("id"))) {
            has_record = true;
            if (value.kind != VALUE_TEXT || !id_parse(value.text, &asked->record))
                task_fault(task, S("id"), S("format"), "must be the id of a record");
        } else if (str_eq(key.text, S("input"))) {
            if (value.kind == VALUE_MAP) asked->input = value.bytes;
            else task_fault(task, S("input"), S("type"), "must be an object");
        } else {
            task_fault(task, key.text, S("unknown"), "there are `id` and `input`");
        }
    }
    if (!has_record)
        task_fault(task, S("id"), S("required"), "give the id of the record that it is for");
    return task_faults(task);
}

static enum err reply_after(struct call *call, struct id id)
{
    struct view view = call_view(call);
    struct record record;
    enum err err = record_get(&view, call->entity, id, &record);
    if (err == ERR_MISSING) {
        /* The rule has deleted it, or it is none of his now. */
        task_fault_clear(call->task);
        reply_empty(call, 204);
        return ERR_NONE;
    }
    return err == ERR_NONE ? reply_record(call, 200, id, nullptr) : err;
}

static enum err act(struct call *call, const struct rule *rule)
{
    struct asked asked = {};
    struct record record;
    struct view view = call_view(call);
    TRY(asked_read(call, &asked));
    call->entity = rule->entity;
    TRY(record_get(&view, rule->entity, asked.record, &record));
    TRY(scope_require(call->task, &call->identity.scope, rule->entity, SCOPE_EDIT));
    struct change change = change_begin(call);
    struct rule_alone alone = {
        .rule = rule, .operation = OPERATION_UPDATE, .record = asked.record, .input = asked.input};
    bool has_fired;
    TRY(rules_run_alone(call->rules, &change, &alone, &has_fired));
    if (!has_fired)
        return fail(call->task, ERR_CONFLICT,
                    "the rule `%.*s` is not meant for this record as it is", FMT(rule->name));
    TRY(change_end(call, &change));
    return reply_after(call, asked.record);
}

/* By the clock, now. */

static enum err begin_job(struct call *call, const struct rule *rule)
{
    struct job job;
    const struct entity *rules = model_entity_by_number(call->tenant.model, RULE_ENTITY);
    TRY(scope_require(call->task, &call->identity.scope, rules, SCOPE_EDIT));
    if (call->given.kind == VALUE_MAP && call->given.count > 0) {
        task_fault(call->task, S(""), S("unknown"), "a rule by the clock is told nothing");
        return task_faults(call->task);
    }
    TRY(rule_job_begin(call->task, call->txn, &call->identity.scope, rule->id, nullptr, &job));
    return reply_job_as_is(call, &job);
}

enum err rule_run_begin(struct call *call)
{
    const struct rule *rule;
    TRY(find(call, &rule));
    if (rule->point == RULE_ACTION) return act(call, rule);
    if (rule->point == RULE_SCHEDULE) return begin_job(call, rule);
    return fail(call->task, ERR_CONFLICT, "this rule runs by itself: it is of the point `%.*s`",
                FMT(rule_point_word(rule->point)));
}
