/** role: what a role may, as a scope. A role is declared (model/role.h): by schema/role.lua, and by
 *  a tenant's records of the entity `role`, which add roles and replace built-in ones.
 *
 *  Floor   access; the one place above record/ where scopes are made.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "model/model.h"
#include "record/scope.h"
#include "store/txn.h"

struct change;

constexpr uint16_t TEAM_ENTITY = 7;
extern const str team_members; /** its field: references to users */

/** How many teams a user may be in, so that a scope has room for all that they hold. */
constexpr uint32_t TEAMS_OF_USER_MAX =
    (SCOPE_HOLDERS_MAX - (SCOPE_ROWS_COUNT - 2)) / (SCOPE_ROWS_COUNT - 2);

/** Whoever is in it: the rows that it may see, but not yet by whom they are held. `owner` may
 *  everything; an unknown role nothing. */
struct scope scope_of_role(const struct model *model, str role, struct id user);
/** The same with the holder keys of the user and his teams, which are looked up only when the role
 *  does not see all rows. By `model`, that of the transaction's tenant. */
enum err scope_of_user(struct txn *txn, const struct model *model, str role, struct id user,
                       struct scope *scope_out);
/** Ids of the teams that a user is in, at most `max`. */
enum err teams_of_user(struct txn *txn, const struct model *model, struct id user, uint32_t max,
                       struct id *teams_out, uint32_t *count_out);

/** The part of access_verify_change about what can be given: nobody gives, or takes, what he does
 *  not have. */
enum err rights_verify(struct change *change);

/** Whether `a` may all that `b` may: each action, row and field of it. What a user may give others
 *  is what covers this. */
bool scope_covers(const struct scope *a, const struct scope *b);
/** Whether `a` may all that the actor of `b` may: covers it, and sees his clients. Of somebody else
 *  that is only who sees all: roles that are alike do not make the same clients theirs. */
bool scope_covers_actor(const struct scope *a, const struct scope *b);
