/** scope: what one actor may see and do, as data. Every record call takes one; access/ makes them,
 *  and here that of a rule is made from that of its actor.
 *
 *  Floor   record.
 *  Thread  any; a value.
 */
#pragma once

#include "base/id.h"
#include "base/limits.h"
#include "model/model.h"

enum actor_kind : uint8_t {
    ACTOR_SYSTEM, /** the server itself: demo data, upkeep */
    ACTOR_USER,   /** a person or a script with that user's token */
    ACTOR_RULE,   /** a rule, in a change of the actor's */
};

/** What may be done with an entity; a set of bits. */
enum scope_action : uint8_t {
    SCOPE_VIEW = 1,
    SCOPE_CREATE = 2,
    SCOPE_EDIT = 4,
    SCOPE_DELETE = 8,
    SCOPE_EVERYTHING = 15,
};

struct scope {
    enum actor_kind actor_kind;
    struct id actor;               /** user; nil for the system */
    uint8_t actions[ENTITIES_MAX]; /** by entity number; default none */
};

/** Everything of the tenant, as the system. The one exception to "made in access/"; its uses are
 *  counted. */
struct scope scope_system(void);

/** That of a rule, whoever acts: it sees all, and writes all but what decides who may what and what
 *  there is: users, settings, rules with their versions and tests, and what shapes the model. The
 *  actor stays, so that the log names who acted. */
struct scope scope_of_rule(const struct scope *actor, const struct model *model);

/** Whether two actors are shown the same changes in the same words, but for records that are seen
 *  by their maker alone (record/own.h), so that the rest is formed once for both. Whatever will
 *  narrow a scope's rows or fields is compared here. */
static inline bool scope_sees_as(const struct scope *a, const struct scope *b)
{
    return memcmp(a->actions, b->actions, sizeof a->actions) == 0;
}

static inline bool scope_may(const struct scope *scope, uint16_t entity, enum scope_action action)
{
    return entity < ENTITIES_MAX && (scope->actions[entity] & action) != 0;
}
