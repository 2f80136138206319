#include "api/rights.h"

#include "access/role.h"
#include "access/user.h"
#include "api/routes.h"
#include "rules/saving.h"

/* Judging. */

/** Somebody who would make a call. */
struct asking {
    struct task *task;
    const struct scope *scope;
    const struct model *model;
    const struct route *route;
    const struct entity *entity; /** of the path; nullptr: it names none */
};

static enum err judge_entity(const struct asking *asking)
{
    const struct route *route = asking->route;
    const struct entity *entity = asking->entity;
    if (route->right_of != 0) entity = model_entity_by_number(asking->model, route->right_of);
    if (entity == nullptr) return ERR_NONE; /* the function says that there is no such thing */
    for (uint32_t at = 0; at < SCOPE_ACTION_COUNT; at++)
        if ((route->may & 1U << at) != 0)
            TRY(scope_require(asking->task, asking->scope, entity, (enum scope_action)(1U << at)));
    if (route->is_of_duplicates)
        TRY(scope_require(asking->task, asking->scope, entity->duplicates, SCOPE_CREATE));
    if (route->may_one == 0 || (asking->scope->actions[entity->number] & route->may_one) != 0)
        return ERR_NONE;
    uint8_t least = route->may_one & (uint8_t)-route->may_one;
    return scope_require(asking->task, asking->scope, entity, (enum scope_action)least);
}

static enum err judge(const struct asking *asking)
{
    switch (asking->route->right) {
    case RIGHT_UNSAID:
    case RIGHT_OWN:
    case RIGHT_SEEN:
    case RIGHT_BEGUN:
    case RIGHT_NAMED:
        return ERR_NONE;
    case RIGHT_ENTITY:
        return judge_entity(asking);
    case RIGHT_SETTINGS:
        return scope_require(asking->task, asking->scope,
                             model_entity_by_number(asking->model, SETTINGS_ENTITY), SCOPE_EDIT);
    case RIGHT_EVERYTHING: {
        struct view view = {.task = asking->task, .model = asking->model, .scope = asking->scope};
        return rule_verify_author(&view);
    }
    }
    return ERR_NONE;
}

enum err rights_judge(const struct call *call)
{
    if (call->identity.credential == CREDENTIAL_NONE) return ERR_NONE;
    struct asking asking = {call->task, &call->identity.scope, call->tenant.model, call->route,
                            call->entity};
    return judge(&asking);
}

bool rights_allow(struct arena *arena, const struct scope *scope, const struct model *model,
                  const struct route *route, const struct entity *entity)
{
    struct task quiet;
    task_init(&quiet, arena);
    struct asking asking = {&quiet, scope, model, route, entity};
    return judge(&asking) == ERR_NONE;
}

enum err rights_again(struct call *call)
{
    struct identity *identity = &call->identity;
    if (identity->credential == CREDENTIAL_NONE) return ERR_NONE;
    struct identity now;
    enum err err =
        identity_again(call->txn, call->access, identity->credential, identity->token_hash, &now);
    if (err == ERR_UNAUTHENTICATED)
        return fail(call->task, err, "the session or token is over meanwhile");
    TRY(err);
    identity->scope = now.scope;
    /* What an answer in slices copies is gone with the slice; but it ends with the role. */
    if (!str_eq(identity->role, now.role)) identity->role = arena_copy(call->task->arena, now.role);
    return rights_judge(call);
}

enum err rights_cover_user(struct call *call, struct id user)
{
    struct user_row row;
    enum err err = user_read(call->txn, user, &row);
    if (err == ERR_MISSING) return fail(call->task, err, "there is no such user");
    TRY(err);
    struct scope theirs = scope_of_role(call->tenant.model, row.role, user);
    if (scope_covers_actor(&call->identity.scope, &theirs)) return ERR_NONE;
    if (scope_covers(&call->identity.scope, &theirs))
        return fail(call->task, ERR_FORBIDDEN,
                    "this user sees other clients than you: only who sees all looks after how "
                    "he enters");
    return fail(call->task, ERR_FORBIDDEN,
                "this user may more than you: only who may as much looks after how he enters");
}

enum err rights_cover_own(struct call *call)
{
    bool is_token = call->identity.credential == CREDENTIAL_TOKEN;
    return is_token ? rights_cover_user(call, call->identity.user) : ERR_NONE;
}

bool rights_to_begun(const struct call *call, struct id who, struct id token)
{
    const struct identity *identity = &call->identity;
    bool is_narrowed = identity->token_role.len > 0;
    bool is_by_it = !is_narrowed || id_eq(token, identity->scope.token);
    return (id_eq(who, identity->user) && is_by_it) ||
           scope_may(&call->identity.scope, SETTINGS_ENTITY, SCOPE_EDIT);
}

/* Explaining. */

struct explaining {
    struct call *call;
    struct txn *txn;
    struct problem *problem;
};

static enum err explain(void *argument)
{
    struct explaining *explaining = argument;
    struct call *call = explaining->call;
    struct problem *problem = explaining->problem;
    struct arena *arena = call->task->arena;
    str *names = arena_new(arena, str, OWNERS_TOLD_MAX);
    uint32_t count;
    TRY(owners_named(explaining->txn, call->access, OWNERS_TOLD_MAX, names, &count));
    if (count == 0) return ERR_NONE;
    str name = call->identity.token_role.len > 0 ? call->identity.token_role : call->identity.role;
    const struct role *role = model_role(call->tenant.model, name);
    str label = role != nullptr ? role->label : name;
    problem->granted_by_count = count;
    problem->granted_by = names;
    call->task->fault.detail =
        arena_print(arena, "%.*s, which the role %.*s does not have; %.*s%s can grant it",
                    FMT(call->task->fault.detail), FMT(label), FMT(names[0]),
                    count > 1 ? " or another owner" : "");
    return ERR_NONE;
}

void rights_explain(struct call *call, struct problem *problem)
{
    const struct fault *fault = &call->task->fault;
    /* Whom a client could ask is not told by the names of the firm's people. */
    bool is_users = call->identity.scope.actor_kind == ACTOR_USER;
    if (problem->fault != fault || fault->right.action.len == 0 || !is_users) return;
    struct explaining explaining = {.call = call, .problem = problem};
    struct task task = {.arena = call->task->arena, .now_ms = call->task->now_ms};
    if (txn_open(&task, &call->tenant.space, &explaining.txn) != ERR_NONE) return;
    /* Without it the refusal still says what is missing. */
    if (arena_guard(task.arena, explain, &explaining) != ERR_NONE) problem->granted_by_count = 0;
    txn_close(explaining.txn);
}
