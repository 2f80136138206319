#include "record/scope.h"

struct scope scope_system(void)
{
    struct scope scope = {
        .actor_kind = ACTOR_SYSTEM,
        .rows = ROWS_ALL,
        .groups_seen = FIELD_GROUPS_ALL,
        .groups_edited = FIELD_GROUPS_ALL,
    };
    memset(scope.actions, SCOPE_EVERYTHING, sizeof scope.actions);
    return scope;
}

/** Whether rules may only look at its records. */
static bool is_beyond_rules(const struct entity *entity)
{
    static const str names[] = {S("user"), S("team"),         S("settings"),
                                S("rule"), S("rule_version"), S("rule_test")};
    bool is = entity->shapes_model;
    for (size_t at = 0; at < sizeof names / sizeof names[0] && !is; at++)
        is = str_eq(entity->name, names[at]);
    return is;
}

struct scope scope_of_rule(const struct scope *actor, const struct model *model)
{
    struct scope scope = {
        .actor_kind = ACTOR_RULE,
        .actor = actor->actor,
        .rows = ROWS_ALL,
        .groups_seen = FIELD_GROUPS_ALL,
        .groups_edited = FIELD_GROUPS_ALL,
    };
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        if (entity->number < ENTITIES_MAX)
            scope.actions[entity->number] = is_beyond_rules(entity) ? SCOPE_VIEW : SCOPE_EVERYTHING;
    }
    return scope;
}

bool scope_sees_as(const struct scope *a, const struct scope *b)
{
    if (a->actor_kind != b->actor_kind || a->rows != b->rows ||
        a->is_own_alone != b->is_own_alone || a->groups_seen != b->groups_seen ||
        memcmp(a->actions, b->actions, sizeof a->actions) != 0)
        return false;
    return (a->rows == ROWS_ALL && a->actor_kind != ACTOR_CONTACT) ||
           (id_eq(a->actor, b->actor) && id_eq(a->client, b->client) &&
            a->holder_count == b->holder_count &&
            memcmp(a->holders, b->holders, a->holder_count * sizeof *a->holders) == 0);
}

struct scope scope_narrowed(const struct scope *a, const struct scope *b)
{
    bool takes_rows = (a->rows & ROWS_ALL) != 0;
    struct scope scope = takes_rows ? *b : *a;
    const struct scope *other = takes_rows ? a : b;
    if ((other->rows & ROWS_ALL) == 0) scope.rows &= other->rows;
    scope.groups_seen &= other->groups_seen;
    scope.groups_edited &= other->groups_edited;
    for (uint32_t at = 0; at < ENTITIES_MAX; at++) scope.actions[at] &= other->actions[at];
    return scope;
}

bool scope_sees_fields(const struct scope *scope, const struct model *model)
{
    uint16_t all = (uint16_t)((1U << model->group_count) - 1);
    return scope->actor_kind != ACTOR_CONTACT && (scope->groups_seen & all) == all;
}

bool scope_sees_everything(const struct scope *scope, const struct model *model)
{
    bool sees = (scope->rows & ROWS_ALL) != 0 && scope_sees_fields(scope, model);
    for (uint32_t at = 0; at < model->entity_count && sees; at++)
        sees = scope_may(scope, model->entities[at].number, SCOPE_VIEW);
    return sees;
}

struct sight scope_sight(const struct scope *scope)
{
    return (struct sight){scope->actor_kind == ACTOR_CONTACT, scope->groups_seen};
}

bool scope_sees_field(const struct scope *scope, const struct field *field)
{
    return sight_shows(scope_sight(scope), field);
}

bool scope_edits_field(const struct scope *scope, const struct field *field)
{
    if (field->is_hidden) return false;
    if (scope->actor_kind == ACTOR_CONTACT) return field->is_portal_edited;
    return field->group == 0 || (scope->groups_edited >> (field->group - 1) & 1) != 0;
}

/** The part of a fault's path before the first field out of sight: all of it when each is seen. */
static str path_seen(struct sight sight, const struct entity *entity, str path)
{
    size_t at = 0;
    while (entity != nullptr && at < path.len) {
        size_t end = at;
        while (end < path.len && path.at[end] != '.' && path.at[end] != '[') end++;
        const struct field *field = entity_field(entity, str_between(path.at + at, path.at + end));
        if (field != nullptr && !sight_shows(sight, field))
            return str_first(path, at > 0 ? at - 1 : 0);
        if (field != nullptr && field->to != nullptr) entity = field->to;
        at = end + 1;
    }
    return path;
}

void scope_cut_fault(const struct scope *scope, const struct model *model,
                     const struct entity *entity, struct fault *fault)
{
    if (entity == nullptr || scope_sees_fields(scope, model)) return;
    struct sight sight = scope_sight(scope);
    for (uint32_t at = 0; at < fault->item_count; at++) {
        struct fault_item *item = &fault->items[at];
        /* Whoever names a field knows its name. */
        if (!str_eq(item->code, S("unknown"))) item->field = path_seen(sight, entity, item->field);
    }
}

static str action_word(enum scope_action action)
{
    for (uint32_t at = 0; at < SCOPE_ACTION_COUNT; at++)
        if ((action & 1U << at) != 0) return scope_action_words[at];
    return S("view");
}

enum err scope_require(struct task *task, const struct scope *scope, const struct entity *entity,
                       enum scope_action action)
{
    if (scope_may(scope, entity->number, action)) return ERR_NONE;
    str word = action_word(action);
    /* Nobody can grant a rule anything. */
    if (scope->actor_kind == ACTOR_RULE)
        return fail(task, ERR_FORBIDDEN, "a rule may not %.*s a %.*s", FMT(word),
                    FMT(entity->name));
    if (task->fault.detail.len == 0)
        task->fault.right = (struct right){.entity = entity->name, .action = word};
    return fail(task, ERR_FORBIDDEN, "needs the right to %.*s %.*s", FMT(word),
                FMT(entity->plural));
}

enum err scope_require_group(struct task *task, const struct scope *scope,
                             const struct model *model, str group, enum scope_action action)
{
    uint16_t has = action == SCOPE_VIEW ? scope->groups_seen : scope->groups_edited;
    for (uint32_t at = 0; at < model->group_count; at++)
        if (str_eq(model->groups[at].name, group) && (has >> at & 1) != 0) return ERR_NONE;
    str word = action_word(action);
    if (task->fault.detail.len == 0)
        task->fault.right = (struct right){.group = group, .action = word};
    return fail(task, ERR_FORBIDDEN, "needs the right to %.*s the fields of the group %.*s",
                FMT(word), FMT(group));
}
