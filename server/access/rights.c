/* What one who may change users, roles, teams or fields cannot do by it: give himself or others
 * what he does not have, or take it from those who have more. */
#include "access/access.h"
#include "access/portal.h"
#include "access/role.h"
#include "access/user.h"
#include "base/require.h"
#include "record/draft.h"
#include "record/models.h"
#include "record/shape.h"

/** A touched record as it was and is; empty: it was, or is, not there. */
struct sides {
    const struct touched *touched;
    str before, now;
};

static enum err sides_of(struct change *change, const struct touched *touched,
                         struct sides *sides_out)
{
    *sides_out = (struct sides){.touched = touched, .before = touched->before};
    enum err err =
        txn_record_get_view(change->txn, touched->entity->number, touched->id, &sides_out->now);
    return err == ERR_MISSING ? ERR_NONE : err;
}

static str bytes_at(str record, uint16_t field)
{
    struct value value;
    return value_find(record, field, &value) ? value.bytes : S("");
}

static bool differs(const struct sides *sides, uint16_t field)
{
    return !str_eq(bytes_at(sides->before, field), bytes_at(sides->now, field));
}

/** Whether any field is other that a person wrote. */
static bool differs_at_all(const struct sides *sides)
{
    const struct entity *entity = sides->touched->entity;
    if ((sides->before.len == 0) != (sides->now.len == 0)) return true;
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (!entity->fields[at].is_system && differs(sides, entity->fields[at].number)) return true;
    return false;
}

static bool covers_role(const struct change *change, const struct model *model, str role)
{
    struct scope scope = scope_of_role(model, role, change->scope->actor);
    return scope_covers(change->scope, &scope);
}

static enum err refuse_role(struct change *change, const char *what, str role)
{
    const struct role *declared = model_role(change->model, role);
    return fail(change->task, ERR_FORBIDDEN,
                "%s the role %.*s, which may more than you: only who may as much can do that", what,
                FMT(declared == nullptr ? role : declared->label));
}

/** A person's session may be somebody else's by now: what would let that one stay is asked for with
 *  the password. A token is nobody's to sit down at; it gives no more than it has. */
static enum err verify_proven(struct change *change)
{
    const struct scope *scope = change->scope;
    if (scope->is_proven || !id_is_nil(scope->token)) return ERR_NONE;
    return step_up_refuse(change->task, true);
}

/* Users. */

static bool is_other_way_in(const struct sides *sides)
{
    return differs(sides, USER_EMAIL) || differs(sides, USER_ROLE) || differs(sides, USER_DISABLED);
}

/** Whoever takes another's place, or his place from him, decides on the clients that he sees. */
static enum err verify_rows(struct change *change, const struct sides *sides, str role)
{
    struct scope scope = scope_of_role(change->model, role, sides->touched->id);
    if (scope_covers_actor(change->scope, &scope)) return ERR_NONE;
    return fail(change->task, ERR_FORBIDDEN,
                "this user sees other clients than you: only who sees all may do that");
}

static enum err verify_user(struct change *change, const struct sides *sides)
{
    str was = value_text_at(sides->before, USER_ROLE), is = value_text_at(sides->now, USER_ROLE);
    bool is_own = id_eq(sides->touched->id, change->scope->actor) && sides->before.len > 0;
    /* What he is called, where he lives and so on is his own affair; not so the address to which
     * a new password is mailed: one who came by a narrower token would be all that he is. */
    if (is_own && sides->now.len > 0 && !is_other_way_in(sides)) return ERR_NONE;
    if (sides->before.len > 0 && !covers_role(change, change->model, was))
        return refuse_role(change, "this user is in", was);
    if (sides->now.len > 0 && !covers_role(change, change->model, is))
        return refuse_role(change, "this would put a user into", is);
    if (!is_other_way_in(sides)) return ERR_NONE;
    if (sides->before.len > 0) TRY(verify_rows(change, sides, was));
    return verify_proven(change);
}

/* Accounts at the portal. */

/** Another address gets the links that let its owner in; without the account he is out. */
static enum err verify_account(struct change *change, const struct sides *sides)
{
    const struct entity *entity = sides->touched->entity;
    const struct field *email = entity_field(entity, S("email"));
    const struct field *state = entity_field(entity, S("state"));
    require(email != nullptr && state != nullptr);
    if (sides->now.len == 0) return portal_end_verify(change, sides->touched->id);
    if (sides->before.len == 0 ||
        (!differs(sides, email->number) && !differs(sides, state->number)))
        return ERR_NONE;
    struct view view = change_view(change);
    if (!differs(sides, email->number)) return portal_reach_verify(&view, sides->touched->id);
    TRY(portal_entrance_verify(&view, sides->touched->id, SCOPE_EVERYTHING));
    return verify_proven(change);
}

/** One that is archived lets nobody in. */
static enum err verify_contact(struct change *change, const struct sides *sides)
{
    const struct field *archived_at = sides->touched->entity->archived_at;
    bool is_there = sides->before.len > 0 && sides->now.len > 0;
    struct id account;
    if (!is_there || archived_at == nullptr || !differs(sides, archived_at->number) ||
        model_entity_by_number(change->model, PORTAL_ACCOUNT_ENTITY) == nullptr)
        return ERR_NONE;
    TRY(portal_account_of(change->txn, change->model, sides->touched->id, &account));
    struct view view = change_view(change);
    return id_is_nil(account) ? ERR_NONE : portal_reach_verify(&view, account);
}

/* Teams. */

static enum err verify_member(struct change *change, struct id user)
{
    struct id teams[TEAMS_OF_USER_MAX + 1];
    struct user_row row;
    uint32_t count;
    TRY(teams_of_user(change->txn, change->model, user, TEAMS_OF_USER_MAX + 1, teams, &count));
    if (count <= TEAMS_OF_USER_MAX) return ERR_NONE;
    TRY(user_read(change->txn, user, &row));
    task_fault(change->task, team_members, S("limit"),
               "%.*s is in %u teams already, which is as many as there may be", FMT(row.name),
               TEAMS_OF_USER_MAX);
    return ERR_NONE;
}

static enum err verify_team(struct change *change, const struct sides *sides)
{
    const struct field *members = entity_field(sides->touched->entity, team_members);
    if (members == nullptr || !differs(sides, members->number)) return ERR_NONE;
    if ((change->scope->rows & ROWS_ALL) == 0)
        return fail(change->task, ERR_FORBIDDEN,
                    "a team sees what is shared with it, so only who sees all clients may say who "
                    "is in it");
    struct value list, item;
    if (!value_find(sides->now, members->number, &list) || list.kind != VALUE_LIST) return ERR_NONE;
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++) {
        struct id user;
        if (item.kind == VALUE_BYTES && id_of_bytes(item.text, &user))
            TRY(verify_member(change, user));
    }
    return task_faults(change->task);
}

/* The firm's own fields. */

/** One who does not see a group can neither put a field into it nor take one out of it. */
static enum err verify_group(struct change *change, const struct sides *sides)
{
    if (!differs(sides, CUSTOM_GROUP)) return ERR_NONE;
    const str groups[] = {value_text_at(sides->before, CUSTOM_GROUP),
                          value_text_at(sides->now, CUSTOM_GROUP)};
    for (size_t at = 0; at < 2; at++)
        if (groups[at].len > 0)
            TRY(scope_require_group(change->task, change->scope, change->model, groups[at],
                                    SCOPE_EDIT));
    return ERR_NONE;
}

static enum err verify_one(struct change *change, const struct sides *sides)
{
    if (sides->touched->entity == model_contact(change->model))
        return verify_contact(change, sides);
    switch (sides->touched->entity->number) {
    case USER_ENTITY:
        return verify_user(change, sides);
    case PORTAL_ACCOUNT_ENTITY:
        return verify_account(change, sides);
    case TEAM_ENTITY:
        return verify_team(change, sides);
    case CUSTOM_FIELD_ENTITY:
        return verify_group(change, sides);
    default:
        return ERR_NONE;
    }
}

enum err rights_verify(struct change *change)
{
    if (change->scope->actor_kind != ACTOR_USER) return ERR_NONE;
    for (uint32_t at = 0; at < change->touched_count; at++) {
        const struct touched *touched = &change->touched[at];
        struct sides sides;
        /* What follows of itself, as that a user who goes is in no team, gives nobody anything. */
        if (!touched->is_by_actor && !touched->is_going) continue;
        TRY(sides_of(change, touched, &sides));
        TRY(verify_one(change, &sides));
    }
    return ERR_NONE;
}

/* Roles. What a role may is known when the change has made the model anew. */

static enum err verify_role(struct change *change, const struct model *model,
                            const struct sides *sides)
{
    str name = value_text_at(sides->now.len > 0 ? sides->now : sides->before, ROLE_NAME);
    if (!differs_at_all(sides)) return ERR_NONE;
    if ((change->scope->rows & ROWS_ALL) == 0)
        return fail(change->task, ERR_FORBIDDEN,
                    "only who sees all clients may say what a role sees");
    if (!covers_role(change, change->model, name)) return refuse_role(change, "this is", name);
    if (!covers_role(change, model, name)) return refuse_role(change, "this would make", name);
    return verify_proven(change);
}

static enum err verify_roles(struct change *change, const struct touched *touched, uint32_t count)
{
    if (change->scope->actor_kind != ACTOR_USER) return ERR_NONE;
    const struct model *model = nullptr;
    for (uint32_t at = 0; at < count; at++) {
        struct sides sides;
        if (touched[at].entity->number != ROLE_ENTITY) continue;
        if (model == nullptr) TRY(model_of(change->task, change->txn, change->model, &model));
        TRY(sides_of(change, &touched[at], &sides));
        TRY(verify_role(change, model, &sides));
    }
    return ERR_NONE;
}

enum err access_finish_change(struct change *change, const struct entity *entity)
{
    TRY(access_verify_change(change, entity));
    /* A finished change has forgotten what it touched; nothing of this kind comes to it later. */
    const struct touched *touched = change->touched;
    uint32_t count = change->touched_count;
    TRY(change_finish(change));
    return verify_roles(change, touched, count);
}
