/* What is asked of a rule that did not fire: a record as it is, or as a change made it. */
#include "base/require.h"
#include "record/draft.h"
#include "record/past.h"
#include "rules/explain.h"
#include "rules/trace.h"
#include "rules/trial.h"
#include "value/json.h"

constexpr uint32_t LOG_ENTRIES_MAX = 2000; /** of a group, looked through for a record */

struct explaining {
    struct view view;
    struct rule rule;
    str state;
    struct id record;
    uint64_t sequence; /** 0: the record as it is */
    struct id run;     /** nil: none was named */
    struct explained explained;
};

static bool member(const struct value *given, str name, struct value *value_out)
{
    return given->kind == VALUE_MAP && value_find_text(given->bytes, name, value_out) &&
           value_out->kind != VALUE_NIL;
}

static bool is_known(str name)
{
    return str_eq(name, S("id")) || str_eq(name, S("change")) || str_eq(name, S("run"));
}

static enum err read_given(struct explaining *explaining, const struct value *given)
{
    struct task *task = explaining->view.task;
    struct value name, value;
    struct cursor cursor = cursor_of(given->items);
    for (uint32_t at = 0; given->kind == VALUE_MAP && at < given->count; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value)) break;
        if (name.kind != VALUE_TEXT || !is_known(name.text))
            task_fault(task, name.kind == VALUE_TEXT ? name.text : S("?"), S("unknown"),
                       "there are id, change and run");
    }
    bool has_id = member(given, S("id"), &value);
    if (has_id && (value.kind != VALUE_TEXT || !id_parse(value.text, &explaining->record)))
        task_fault(task, S("id"), S("format"), "is no id of a record");
    bool has_change = member(given, S("change"), &value);
    if (has_change && (value.kind != VALUE_INT || value.integer < 1))
        task_fault(task, S("change"), S("type"), "is the sequence of an entry of the log");
    if (has_change) explaining->sequence = (uint64_t)value.integer;
    bool has_run = member(given, S("run"), &value);
    if (has_run && (value.kind != VALUE_TEXT || !id_parse(value.text, &explaining->run)))
        task_fault(task, S("run"), S("format"), "is no id of a run");
    if (has_run && has_change)
        task_fault(task, S("run"), S("conflict"), "say either a run or a change");
    if (!has_id && !has_change && !has_run)
        task_fault(task, S("id"), S("required"), "is needed: the id of a record");
    return task_faults(task);
}

/** The newest entry of a group about the record. */
static enum err find_in_group(struct explaining *explaining, struct id group)
{
    const struct view *view = &explaining->view;
    struct log_stretch stretch;
    uint32_t seen = 0;
    for (uint64_t before = UINT64_MAX; seen < LOG_ENTRIES_MAX; before = stretch.first) {
        enum err err = txn_log_of_group(view->txn, group, before, &stretch);
        if (err == ERR_MISSING) break;
        TRY(err);
        for (uint64_t at = stretch.last; at >= stretch.first && seen++ < LOG_ENTRIES_MAX; at--) {
            struct log_entry entry;
            TRY(txn_log_from(view->txn, at, &entry));
            bool is_it = entry.entity == explaining->rule.entity->number &&
                         (id_is_nil(explaining->record) || id_eq(entry.record, explaining->record));
            if (!is_it) continue;
            explaining->record = entry.record;
            explaining->sequence = entry.sequence;
            return ERR_NONE;
        }
    }
    return fail(view->task, ERR_MISSING,
                "the change of that run wrote no %.*s%s (what was rejected writes nothing)",
                FMT(explaining->rule.entity->name),
                id_is_nil(explaining->record) ? "" : " of this id");
}

static enum err read_run(struct explaining *explaining)
{
    struct trace trace;
    const struct view *view = &explaining->view;
    if (id_is_nil(explaining->run)) return ERR_NONE;
    TRY(trace_get(view->task, view->txn, explaining->run, &trace));
    bool is_same = trace.entity == explaining->rule.entity->number;
    if (is_same && id_is_nil(explaining->record)) explaining->record = trace.record;
    return find_in_group(explaining, trace.group);
}

/** Before an entry, or as it is (0); nullptr: it was not there. */
static enum err read_slots(struct explaining *explaining, uint64_t before, const str **slots_out)
{
    const struct view *view = &explaining->view;
    const struct entity *entity = explaining->rule.entity;
    struct fault fault = view->task->fault;
    struct record record;
    *slots_out = nullptr;
    enum err err = before == 0
                       ? record_get(view, entity, explaining->record, &record)
                       : record_get_before(view, entity, explaining->record, before, &record);
    if (err == ERR_MISSING) view->task->fault = fault;
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    str *slots = arena_new(view->task->arena, str, entity->field_count);
    slots_read(entity, record.value, slots);
    *slots_out = slots;
    return ERR_NONE;
}

static enum err read_change(struct explaining *explaining)
{
    const struct view *view = &explaining->view;
    struct explained *explained = &explaining->explained;
    struct log_entry entry;
    struct log_change change;
    uint64_t sequence = explaining->sequence;
    enum err err = txn_log_from(view->txn, sequence, &entry);
    bool is_there = err == ERR_NONE && entry.sequence == sequence &&
                    entry.entity == explaining->rule.entity->number &&
                    (id_is_nil(explaining->record) || id_eq(entry.record, explaining->record));
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    if (!is_there)
        return fail(view->task, ERR_MISSING, "the log has no such entry about this %.*s",
                    FMT(explaining->rule.entity->name));
    explaining->record = entry.record;
    if (!log_change_read(entry.body, &change))
        return fail(view->task, ERR_CONFLICT, "what this change did has been erased");
    explained->is_of_change = true;
    explained->operation = change.operation;
    explained->is_by_engine = (change.flags & LOG_BY_ENGINE) != 0;
    if (change.operation != OPERATION_CREATE)
        TRY(read_slots(explaining, sequence, &explained->before));
    if (change.operation != OPERATION_DELETE)
        TRY(read_slots(explaining, sequence + 1, &explained->now));
    return ERR_NONE;
}

static enum err read_present(struct explaining *explaining)
{
    TRY(read_slots(explaining, 0, &explaining->explained.now));
    if (explaining->explained.now != nullptr) return ERR_NONE;
    return fail(explaining->view.task, ERR_MISSING, "there is no such %.*s",
                FMT(explaining->rule.entity->name));
}

enum err trial_explain(struct rules *rules, const struct view *view, struct id rule,
                       const struct value *given, struct buf *json)
{
    struct explaining explaining = {.view = *view};
    struct explained *explained = &explaining.explained;
    TRY(rule_find(rules, view, rule, &explaining.rule, &explaining.state));
    TRY(read_given(&explaining, given));
    TRY(read_run(&explaining));
    *explained = (struct explained){
        .view = &explaining.view, .rule = &explaining.rule, .state = explaining.state};
    if (explaining.sequence > 0) TRY(read_change(&explaining));
    else TRY(read_present(&explaining));
    buf_print(json, "{\"rule\":\"%.*s\",\"entity\":\"%.*s\",\"record\":\"%.*s\",\"change\":",
              FMT(id_text(view->task->arena, rule)), FMT(explaining.rule.entity->name),
              FMT(id_text(view->task->arena, explaining.record)));
    if (explaining.sequence > 0)
        buf_print(json, "%llu,\"operation\":\"%.*s\",", (unsigned long long)explaining.sequence,
                  FMT(operation_word(explained->operation)));
    else buf_put(json, S("null,\"operation\":null,"));
    (void)explain_write(json, explained);
    buf_put_byte(json, '}');
    return ERR_NONE;
}
