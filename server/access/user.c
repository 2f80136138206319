#include "access/user.h"

#include "access/audit.h"
#include "access/door.h"
#include "access/password.h"
#include "access/portal.h"
#include "access/role.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/models.h"
#include "record/query.h"

static bool entity_is(const struct entity *entity, str name)
{
    return entity != nullptr && str_eq(entity->name, name);
}

static bool field_is(const struct entity *entity, uint16_t number, str name, enum field_kind kind)
{
    const struct field *field = entity_field_by_number(entity, number);
    return field != nullptr && str_eq(field->name, name) && field->kind == kind;
}

enum err access_fits_model(struct task *task, const struct model *model)
{
    const struct entity *settings = model_entity_by_number(model, SETTINGS_ENTITY);
    if (!entity_is(settings, S("settings")) || !settings->is_single || settings->title == nullptr)
        return fail(task, ERR_INVALID, "the schema lacks the entity settings, single, number %u",
                    SETTINGS_ENTITY);
    const struct entity *user = model_entity_by_number(model, USER_ENTITY);
    if (!entity_is(user, S("user")) || !field_is(user, USER_EMAIL, S("email"), FIELD_TEXT) ||
        !entity_field_by_number(user, USER_EMAIL)->is_unique ||
        !field_is(user, USER_NAME, S("name"), FIELD_TEXT) ||
        !field_is(user, USER_ROLE, S("role"), FIELD_CHOICE) ||
        !field_is(user, USER_DISABLED, S("disabled"), FIELD_BOOLEAN))
        return fail(task, ERR_INVALID,
                    "the schema lacks the entity user, number %u, with email, name, role, disabled",
                    USER_ENTITY);
    return portal_fits_model(task, model);
}

static struct user_row user_row_of(struct id id, str record)
{
    return (struct user_row){
        .id = id,
        .email = value_text_at(record, USER_EMAIL),
        .name = value_text_at(record, USER_NAME),
        .role = value_text_at(record, USER_ROLE),
        .is_disabled = value_is_true_at(record, USER_DISABLED),
    };
}

enum err user_read(struct txn *txn, struct id id, struct user_row *user_out)
{
    str record;
    TRY(txn_record_get_view(txn, USER_ENTITY, id, &record));
    *user_out = user_row_of(id, record);
    return ERR_NONE;
}

enum err user_find(struct task *task, struct txn *txn, const struct access *access, str email,
                   struct user_row *user_out)
{
    struct account account;
    TRY(account_find(task, txn, access, DOOR_STAFF, email, &account));
    return user_read(txn, account.subject.id, user_out);
}

enum err owners_named(struct txn *txn, const struct access *access, uint32_t max, str *names_out,
                      uint32_t *count_out)
{
    constexpr uint32_t looked_at_max = 32;
    struct task *task = txn_task(txn);
    const struct entity *entity = model_entity_by_number(access->model, USER_ENTITY);
    const struct field *role = entity_field_by_number(entity, USER_ROLE);
    struct view view = {.task = task, .txn = txn, .model = access->model};
    struct id ids[looked_at_max];
    uint32_t found;
    str ordered;
    *count_out = 0;
    if (!role->kind_of->order_text(task, role, S("owner"), &ordered)) return ERR_NONE;
    TRY(query_find(&view, role, ordered, looked_at_max, ids, &found));
    for (uint32_t at = 0; at < found && *count_out < max; at++) {
        struct user_row user;
        TRY(user_read(txn, ids[at], &user));
        if (!user.is_disabled) names_out[(*count_out)++] = arena_copy(task->arena, user.name);
    }
    return ERR_NONE;
}

enum err user_identify(struct txn *txn, const struct access *access, struct id id,
                       struct identity *identity_out)
{
    struct user_row user;
    enum err err = user_read(txn, id, &user);
    if (err == ERR_MISSING || (err == ERR_NONE && user.is_disabled)) return ERR_UNAUTHENTICATED;
    TRY(err);
    identity_out->user = id;
    identity_out->email = user.email;
    identity_out->name = user.name;
    identity_out->role = user.role;
    const struct model *model;
    TRY(model_of(txn_task(txn), txn, access->model, &model));
    return scope_of_user(txn, model, user.role, id, &identity_out->scope);
}

void identity_keep(struct arena *arena, struct identity *identity)
{
    identity->email = arena_copy(arena, identity->email);
    identity->name = arena_copy(arena, identity->name);
    identity->role = arena_copy(arena, identity->role);
    identity->csrf = arena_copy(arena, identity->csrf);
    identity->token_hash = arena_copy(arena, identity->token_hash);
    identity->note = arena_copy(arena, identity->note);
    identity->token_name = arena_copy(arena, identity->token_name);
    identity->token_role = arena_copy(arena, identity->token_role);
}

/** An owner who was never given a password holds no door open. */
static enum err is_owner_who_enters(struct txn *txn, const struct user_row *user, struct id by,
                                    bool *enters_out)
{
    str password;
    *enters_out = false;
    if (!str_eq(user->role, S("owner")) || user->is_disabled) return ERR_NONE;
    *enters_out = id_eq(user->id, by);
    if (*enters_out) return ERR_NONE;
    enum err err = password_row_get(txn, user->id, &password);
    *enters_out = err == ERR_NONE;
    return err == ERR_MISSING ? ERR_NONE : err;
}

enum err access_verify_change(struct change *change, const struct entity *entity)
{
    constexpr uint32_t users_max = 100'000;
    struct txn *txn = change->txn;
    struct id by = change->scope->actor;
    TRY(audit_rights(change));
    TRY(rights_verify(change));
    TRY(doors_shut(change));
    if (entity != nullptr && entity->number != USER_ENTITY) return ERR_NONE;
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_records(txn, USER_ENTITY, &all);
    bool has_owner = false, has_entry = true;
    enum err err = ERR_NONE;
    for (uint32_t seen = 0; err == ERR_NONE && !has_owner && seen < users_max; seen++) {
        struct scan_entry entry;
        err = scan_next(scan, &has_entry, &entry);
        if (err != ERR_NONE || !has_entry) break;
        struct user_row user = user_row_of(entry.id, entry.value);
        err = is_owner_who_enters(txn, &user, by, &has_owner);
    }
    scan_close(scan);
    TRY(err);
    if (has_owner) return ERR_NONE;
    return fail(change->task, ERR_CONFLICT, "a firm keeps at least one owner who may sign in");
}
