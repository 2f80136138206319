#include "access/role.h"
#include "access/user.h"
#include "record/query.h"

const str team_members = {"members", 7};

/** Rows that somebody has because he, or a team of his, holds the client. */
constexpr uint8_t ROWS_HELD = ROWS_MANAGED | ROWS_ASSIGNED | ROWS_SHARED;

struct scope scope_of_role(const struct model *model, str role, struct id user)
{
    struct scope scope = {.actor_kind = ACTOR_USER, .actor = user};
    if (str_eq(role, S("owner"))) {
        scope.rows = ROWS_ALL;
        scope.groups_seen = scope.groups_edited = FIELD_GROUPS_ALL;
        memset(scope.actions, SCOPE_EVERYTHING, sizeof scope.actions);
        return scope;
    }
    const struct role *declared = model_role(model, role);
    if (declared == nullptr) return scope;
    scope.rows = declared->rows;
    scope.groups_seen = declared->groups_seen;
    scope.groups_edited = declared->groups_edited;
    memcpy(scope.actions, declared->actions, sizeof scope.actions);
    return scope;
}

enum err teams_of_user(struct txn *txn, const struct model *model, struct id user, uint32_t max,
                       struct id *teams_out, uint32_t *count_out)
{
    *count_out = 0;
    const struct entity *team = model_entity_by_number(model, TEAM_ENTITY);
    const struct field *members = team == nullptr ? nullptr : entity_field(team, team_members);
    if (members == nullptr) return ERR_NONE;
    struct view view = {.task = txn_task(txn), .txn = txn, .model = model};
    return query_find(&view, members, id_bytes(&user), max, teams_out, count_out);
}

static void add_holder(struct scope *scope, uint8_t row, struct id who)
{
    if (scope->holder_count == SCOPE_HOLDERS_MAX) return;
    struct holder_key *key = &scope->holders[scope->holder_count++];
    key->bytes[0] = row;
    memcpy(key->bytes + 1, who.bytes, sizeof who.bytes);
}

/** The rows among `rows` for which clients are held by records of this entity. */
static uint8_t rows_held_by(const struct model *model, uint16_t entity, uint8_t rows)
{
    uint8_t held = 0;
    for (uint32_t at = 0; at < model->holder_count; at++)
        if (model->holders[at].of->to->number == entity) held |= model->holders[at].row;
    return held & rows & ROWS_HELD;
}

static void add_holders(struct scope *scope, uint8_t rows, struct id who)
{
    for (uint8_t row = 1; row <= ROWS_SHARED; row = (uint8_t)(row << 1))
        if ((rows & row) != 0) add_holder(scope, row, who);
}

enum err scope_of_user(struct txn *txn, const struct model *model, str role, struct id user,
                       struct scope *scope_out)
{
    *scope_out = scope_of_role(model, role, user);
    if ((scope_out->rows & ROWS_ALL) != 0 || (scope_out->rows & ROWS_HELD) == 0) return ERR_NONE;
    add_holders(scope_out, rows_held_by(model, USER_ENTITY, scope_out->rows), user);
    uint8_t by_teams = rows_held_by(model, TEAM_ENTITY, scope_out->rows);
    if (by_teams == 0) return ERR_NONE;
    struct id teams[TEAMS_OF_USER_MAX];
    uint32_t count;
    TRY(teams_of_user(txn, model, user, TEAMS_OF_USER_MAX, teams, &count));
    for (uint32_t at = 0; at < count; at++) add_holders(scope_out, by_teams, teams[at]);
    return ERR_NONE;
}

bool scope_covers(const struct scope *a, const struct scope *b)
{
    bool has_rows = (a->rows & ROWS_ALL) != 0 || (b->rows & ~a->rows) == 0;
    bool has_groups =
        (b->groups_seen & ~a->groups_seen) == 0 && (b->groups_edited & ~a->groups_edited) == 0;
    if (!has_rows || !has_groups) return false;
    for (uint32_t at = 0; at < ENTITIES_MAX; at++)
        if ((b->actions[at] & ~a->actions[at]) != 0) return false;
    return true;
}

bool scope_covers_actor(const struct scope *a, const struct scope *b)
{
    bool has_clients = (a->rows & ROWS_ALL) != 0 || b->rows == 0 || id_eq(a->actor, b->actor);
    return has_clients && scope_covers(a, b);
}
