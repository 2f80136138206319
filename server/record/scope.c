#include "record/scope.h"

struct scope scope_system(void)
{
    struct scope scope = {.actor_kind = ACTOR_SYSTEM};
    memset(scope.actions, SCOPE_EVERYTHING, sizeof scope.actions);
    return scope;
}

/** Whether rules may only look at its records. */
static bool is_beyond_rules(const struct entity *entity)
{
    static const str names[] = {S("user"), S("settings"), S("rule"), S("rule_version"),
                                S("rule_test")};
    bool is = entity->shapes_model;
    for (size_t at = 0; at < sizeof names / sizeof names[0] && !is; at++)
        is = str_eq(entity->name, names[at]);
    return is;
}

struct scope scope_of_rule(const struct scope *actor, const struct model *model)
{
    struct scope scope = {.actor_kind = ACTOR_RULE, .actor = actor->actor};
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        if (entity->number < ENTITIES_MAX)
            scope.actions[entity->number] = is_beyond_rules(entity) ? SCOPE_VIEW : SCOPE_EVERYTHING;
    }
    return scope;
}
