/* Rules that no change sets off: settled ones, later; by the clock; by a button. */
#include "base/require.h"
#include "record/condition.h"
#include "rules/firing.h"

static bool holds(struct change *change, const struct condition *condition,
                  const struct record *record)
{
    struct view view = change_view(change);
    return condition == nullptr ||
           condition_holds_record(&view, change->task->arena, condition, record);
}

/** Whether its conditions hold of the record as it is. */
static enum err is_meant(struct change *change, const struct rule *rule,
                         const struct record *record, bool *is_meant_out)
{
    *is_meant_out = record->value.len == 0 || holds(change, rule->when, record);
    if (rule->when_settings == nullptr || !*is_meant_out) return ERR_NONE;
    struct view view = change_view(change);
    struct record settings;
    view.scope = &rule_chain_of(change)->scope;
    TRY(record_get(&view, model_entity(change->model, S("settings")), txn_space(change->txn)->uuid,
                   &settings));
    *is_meant_out = holds(change, rule->when_settings, &settings);
    return ERR_NONE;
}

enum err rules_run_alone(struct rules *rules, struct change *change, const struct rule_alone *alone,
                         bool *has_fired_out)
{
    const struct rule *rule = alone->rule;
    struct rule_chain *chain = rule_chain_of(change);
    struct rule_alone whole = *alone;
    *has_fired_out = false;
    TRY(rule_chain_set(rules, change));
    if (id_is_nil(change->group)) change->group = id_make();
    bool is_settled = rule->point == RULE_SETTLED, is_fit = true;
    struct record record = {.entity = rule->entity, .id = alone->record};
    if (!id_is_nil(alone->record) && alone->record_values.len == 0 &&
        alone->operation != OPERATION_DELETE) {
        struct view view = change_view(change);
        view.scope = &chain->scope;
        TRY(record_get(&view, rule->entity, alone->record, &record));
        whole.record_values = record_values(&view, &record);
    }
    if (!is_settled) TRY(is_meant(change, rule, &record, &is_fit));
    if (!is_fit) return ERR_NONE;
    *has_fired_out = true;
    struct firing firing = {.rules = rules,
                            .change = change,
                            .chain = chain,
                            .alone = &whole,
                            .entity = rule->entity,
                            .record = alone->record,
                            .operation = alone->operation,
                            .run = alone->run};
    return rule_fire(&firing, rule);
}
