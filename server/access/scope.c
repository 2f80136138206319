#include "access/role.h"

/** A role and what it may do with every entity. */
struct built_in {
    str name;
    uint8_t actions;
};

static const struct built_in roles[] = {
    {{"owner", 5}, SCOPE_EVERYTHING},
};

struct scope scope_of_role(const struct model *model, str role, struct id user)
{
    struct scope scope = {
        .actor_kind = ACTOR_USER,
        .actor = user,
        .rows = ROWS_ALL,
        .groups_seen = FIELD_GROUPS_ALL,
        .groups_edited = FIELD_GROUPS_ALL,
    };
    for (size_t at = 0; at < sizeof roles / sizeof roles[0]; at++) {
        if (!str_eq(roles[at].name, role)) continue;
        for (uint32_t entity = 0; entity < model->entity_count; entity++) {
            uint16_t number = model->entities[entity].number;
            if (number < ENTITIES_MAX) scope.actions[number] = roles[at].actions;
        }
        /* The tenant's own entities, those too that it makes while this scope is in use. */
        for (uint32_t number = ENTITY_NUMBER_CUSTOM_MIN; number < ENTITIES_MAX; number++)
            scope.actions[number] = roles[at].actions;
    }
    return scope;
}
