/** role: who may what, as it is declared: roles, field groups, what a portal shows, and by what a
 *  client is somebody's. Parts of the model; access/ makes scopes of them (record/scope.h).
 *
 *  Declared in schema/: `role "pm" {…}`, `field_group "financials" {…}`, and by each entity's words
 *  `allow`, `portal`, `holders`, `tied_by`; a tenant's records of the entity `role` add roles and
 *  stand in the place of those of the same name, but for `owner`, who may everything.
 *
 *  Floor   model.
 *  Thread  any, read only.
 */
#pragma once

#include "base/limits.h"
#include "base/str.h"

struct condition;
struct entity;
struct field;

/** What may be done with an entity; a set of bits. Words: `view`, `create`, `edit`, `delete`,
 *  `export`; in order of their bits. */
enum scope_action : uint8_t {
    SCOPE_VIEW = 1,
    SCOPE_CREATE = 2,
    SCOPE_EDIT = 4,
    SCOPE_DELETE = 8,
    SCOPE_EXPORT = 16,
    SCOPE_EVERYTHING = 31,
};
constexpr uint32_t SCOPE_ACTION_COUNT = 5;
extern const str scope_action_words[SCOPE_ACTION_COUNT];

/** Which records, of entities that lie under a client or are one; a set of bits, of which one that
 *  fits is enough. 0: none. Words: `own`, `managed`, `assigned`, `shared`, `all`. */
enum scope_rows : uint8_t {
    ROWS_OWN = 1,      /** that I made */
    ROWS_MANAGED = 2,  /** of clients whose manager I am */
    ROWS_ASSIGNED = 4, /** of clients for which I work */
    ROWS_SHARED = 8,   /** of clients that are shared with me or a team of mine */
    ROWS_ALL = 16,
};
constexpr uint32_t SCOPE_ROWS_COUNT = 5;
extern const str scope_rows_words[SCOPE_ROWS_COUNT];

/** Fields that are seen, or changed, together: money, internal notes, the vault. A field is in one
 *  or in none; one in none is seen by who sees the record. */
struct field_group {
    str name;
    str label;
};
constexpr uint32_t FIELD_GROUPS_MAX = 15;
constexpr uint16_t FIELD_GROUPS_ALL = UINT16_MAX;

/** Which fields a reader sees: a scope's part that what reads names is given. Zero sees those in no
 *  group; each in one is then as unknown as one that never was. */
struct sight {
    bool is_portal;  /** only what the portal shows */
    uint16_t groups; /** bit: place of the group in the model */
};
static inline struct sight sight_all(void)
{
    return (struct sight){.groups = FIELD_GROUPS_ALL};
}

struct role {
    str name; /** the value of a user's field `role` */
    str label;
    bool is_custom;                /** a tenant's record */
    uint8_t rows;                  /** of scope_rows */
    uint8_t actions[ENTITIES_MAX]; /** of scope_action, by entity number */
    uint16_t groups_seen;          /** bit: place of the group in the model */
    uint16_t groups_edited;        /** a part of those seen */
};

/** By what somebody of the firm holds a client. `managed = { "account_manager" }` names references
 *  of the client itself, `shared = { "share.user", "share.team" }` those of records whose `via`
 *  leads straight to it. They lead to users, or to teams, which stand for their members. */
struct holder {
    enum scope_rows row;     /** the one bit that it counts for */
    const struct field *of;  /** FIELD_REFERENCE or FIELD_REFERENCES */
    const struct field *via; /** of the same entity as `of`, to the client; nullptr: the client's
                               *  own field */
};
constexpr uint32_t HOLDERS_MAX = 16; /** of the client */

/** To whom of a client's contacts the portal shows a record of an entity; those with the right to
 *  all of the client see each. */
enum portal_own : uint8_t {
    PORTAL_OWN_NEVER,  /** contacts with the right to their own alone see none */
    PORTAL_OWN_ALWAYS, /** they see them all: the client's name */
    PORTAL_OWN_SELF,   /** the record is the contact */
    PORTAL_OWN_FIELD,  /** `own` refers to the contact */
};

/** What the portal shows of an entity, nothing if it was not declared:
 *  `portal = { fields = {…}, edit = {…}, create = true, own = "self", where = {…} }`; `own` is
 *  `always`, `self`, or the name of a reference to a contact. */
struct portal {
    uint8_t actions; /** SCOPE_VIEW, SCOPE_EDIT when a field may be edited, SCOPE_CREATE; none of
                        an entity that lies under no client */
    enum portal_own own_is;
    const struct field *own;
    const struct condition *where; /** nullptr: all of the client's; else those that it means */
};
