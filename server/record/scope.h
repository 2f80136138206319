/** scope: what one actor may see and do, as data. Every record call takes one; access/ makes them,
 *  and here that of a rule is made from that of its actor.
 *
 *  Floor   record.
 *  Thread  any; a value.
 */
#pragma once

#include "base/id.h"
#include "base/limits.h"
#include "base/task.h"
#include "model/model.h"

enum actor_kind : uint8_t {
    ACTOR_SYSTEM,  /** the server itself: demo data, upkeep */
    ACTOR_USER,    /** a person of the firm, or a script with that user's token */
    ACTOR_RULE,    /** a rule, in a change of the actor's */
    ACTOR_CONTACT, /** a contact of a client, at the portal */
};

/** Who holds a client, and by what: one bit of scope_rows, then the id of a user or a team. What
 *  the client's FIELD_HOLDERS lists, and what a scope is asked with. */
constexpr size_t HOLDER_BYTES = 1 + sizeof(struct id);
constexpr uint32_t SCOPE_HOLDERS_MAX = 48; /** three ways for me, one or more for each team */
struct holder_key {
    uint8_t bytes[HOLDER_BYTES];
};

struct scope {
    enum actor_kind actor_kind;
    uint8_t rows;      /** of enum scope_rows; the portal's are decided by `client` */
    bool is_own_alone; /** portal: only what is the contact's own (model/role.h) */
    bool is_proven;    /** the password was given just now, or the token was made with that right */
    uint8_t holder_count;
    uint16_t groups_seen; /** bit: place of the group in the model */
    uint16_t groups_edited;
    struct id actor;  /** user or contact; nil for the system */
    struct id token;  /** by which the actor came, and which may narrow this; nil: none */
    struct id client; /** portal: the client whose records are seen */
    uint8_t actions[ENTITIES_MAX]; /** of scope_action by entity number; default none */
    struct holder_key holders[SCOPE_HOLDERS_MAX]; /** those count whose way is among `rows` */
};

/** Everything of the tenant, as the system. The one exception to "made in access/"; its uses are
 *  counted. */
struct scope scope_system(void);

/** That of a rule, whoever acts: it sees all, and writes all but what decides who may what and what
 *  there is: users, settings, rules with their versions and tests, and what shapes the model. The
 *  actor stays, so that the log names who acted. */
struct scope scope_of_rule(const struct scope *actor, const struct model *model);

/** Whether two actors are shown the same changes in the same words, but for records that are seen
 *  by their maker alone (record/rows.h), so that the rest is formed once for both. */
bool scope_sees_as(const struct scope *a, const struct scope *b);

/** What both may: of a token with a role of its own, and its user. Both are the same actor's. */
struct scope scope_narrowed(const struct scope *a, const struct scope *b);

/** The one place that decides which fields are seen and written. A secret is never among those that
 *  are shown; what is said of it is its kind's affair. */
struct sight scope_sight(const struct scope *scope);
/** Whether it sees each field of every entity. */
bool scope_sees_fields(const struct scope *scope, const struct model *model);
/** Whether it sees each record of every entity, and each field of it: then figures about keys and
 *  entries, which count what is out of sight too, tell it nothing that it could not look up. */
bool scope_sees_everything(const struct scope *scope, const struct model *model);
bool scope_sees_field(const struct scope *scope, const struct field *field);
bool scope_edits_field(const struct scope *scope, const struct field *field);

/** Takes the names of fields that it does not see out of a fault about a record of the entity: what
 *  a rule, a formula or the engine says of them. `entity` nullptr: it is about none. */
void scope_cut_fault(const struct scope *scope, const struct model *model,
                     const struct entity *entity, struct fault *fault);

/** Whether the scope may do this with an entity. */
static inline bool scope_may(const struct scope *scope, uint16_t entity, enum scope_action action)
{
    return entity < ENTITIES_MAX && (scope->actions[entity] & action) != 0;
}

/** ERR_NONE when it may; else ERR_FORBIDDEN, with a fault that names the right. Everywhere that an
 *  actor is refused for want of one, but not where what he asks for is hidden from him. */
enum err scope_require(struct task *task, const struct scope *scope, const struct entity *entity,
                       enum scope_action action);
/** The same of the fields of a group; `action` is SCOPE_VIEW or SCOPE_EDIT. */
enum err scope_require_group(struct task *task, const struct scope *scope,
                             const struct model *model, str group, enum scope_action action);
