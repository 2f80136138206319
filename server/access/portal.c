#include "access/portal.h"

#include "access/role.h"
#include "access/user.h"
#include "base/require.h"
#include "record/draft.h"
#include "record/models.h"
#include "record/query.h"
#include "record/rows.h"
#include "value/text.h"
#include "value/value.h"

constexpr uint16_t ACCOUNT_CONTACT = 1;
constexpr uint16_t ACCOUNT_EMAIL = 2;
constexpr uint16_t ACCOUNT_STATE = 3;
constexpr uint16_t ACCOUNT_LAST_SIGN_IN = 4;
constexpr uint16_t RIGHT_ACCOUNT = 1;
constexpr uint16_t RIGHT_CLIENT = 2;
constexpr uint16_t RIGHT_RIGHT = 3;

static bool field_is(const struct entity *entity, uint16_t number, str name, enum field_kind kind)
{
    const struct field *field = entity_field_by_number(entity, number);
    return field != nullptr && str_eq(field->name, name) && field->kind == kind;
}

static const struct field *field_at(const struct model *model, uint16_t entity, uint16_t number)
{
    const struct entity *of = model_entity_by_number(model, entity);
    return of == nullptr ? nullptr : entity_field_by_number(of, number);
}

enum err portal_fits_model(struct task *task, const struct model *model)
{
    const struct entity *account = model_entity_by_number(model, PORTAL_ACCOUNT_ENTITY);
    const struct entity *right = model_entity_by_number(model, PORTAL_RIGHT_ENTITY);
    if (account == nullptr && right == nullptr) return ERR_NONE;
    if (account == nullptr || !str_eq(account->name, S("portal_account")) ||
        !field_is(account, ACCOUNT_CONTACT, S("contact"), FIELD_REFERENCE) ||
        !field_is(account, ACCOUNT_EMAIL, S("email"), FIELD_TEXT) ||
        !entity_field_by_number(account, ACCOUNT_EMAIL)->is_unique ||
        !entity_field_by_number(account, ACCOUNT_CONTACT)->is_unique ||
        !field_is(account, ACCOUNT_STATE, S("state"), FIELD_CHOICE) ||
        !field_is(account, ACCOUNT_LAST_SIGN_IN, S("last_sign_in_at"), FIELD_TIME))
        return fail(task, ERR_INVALID,
                    "the entity number %u must be portal_account, with contact and email, both "
                    "unique, state and last_sign_in_at",
                    PORTAL_ACCOUNT_ENTITY);
    const struct field *client = field_at(model, PORTAL_RIGHT_ENTITY, RIGHT_CLIENT);
    if (right == nullptr || !str_eq(right->name, S("portal_right")) ||
        !field_is(right, RIGHT_ACCOUNT, S("account"), FIELD_REFERENCE) ||
        !field_is(right, RIGHT_CLIENT, S("client"), FIELD_REFERENCE) ||
        !field_is(right, RIGHT_RIGHT, S("right"), FIELD_CHOICE) ||
        entity_field(client->to, S("portal_enabled")) == nullptr)
        return fail(task, ERR_INVALID,
                    "the entity number %u must be portal_right, with account, client and right; "
                    "and a client has portal_enabled",
                    PORTAL_RIGHT_ENTITY);
    return ERR_NONE;
}

/* Reading. */

static bool is_archived(str record, const struct entity *entity)
{
    struct value value;
    return entity->archived_at != nullptr &&
           value_find(record, entity->archived_at->number, &value) && value.kind != VALUE_NIL;
}

static str title_of(str record, const struct entity *entity)
{
    return entity->title == nullptr ? S("") : value_text_at(record, entity->title->number);
}

enum err portal_account_read(struct txn *txn, struct id id, struct portal_account *account_out)
{
    str record;
    TRY(txn_record_get_view(txn, PORTAL_ACCOUNT_ENTITY, id, &record));
    *account_out = (struct portal_account){
        .id = id,
        .email = value_text_at(record, ACCOUNT_EMAIL),
        .state = value_text_at(record, ACCOUNT_STATE),
    };
    return value_id_at(record, ACCOUNT_CONTACT, &account_out->contact) ? ERR_NONE : ERR_CORRUPT;
}

enum err portal_account_of(struct txn *txn, const struct model *model, struct id contact,
                           struct id *account_out)
{
    const struct field *field = field_at(model, PORTAL_ACCOUNT_ENTITY, ACCOUNT_CONTACT);
    struct view view = {.task = txn_task(txn), .txn = txn, .model = model};
    uint32_t count = 0;
    *account_out = (struct id){};
    require(field != nullptr);
    return query_find(&view, field, id_bytes(&contact), 1, account_out, &count);
}

static enum err right_read(struct txn *txn, const struct model *model, struct id id,
                           struct portal_right *right_out)
{
    const struct entity *clients = field_at(model, PORTAL_RIGHT_ENTITY, RIGHT_CLIENT)->to;
    const struct field *enabled = entity_field(clients, S("portal_enabled"));
    str record, client;
    require(enabled != nullptr);
    TRY(txn_record_get_view(txn, PORTAL_RIGHT_ENTITY, id, &record));
    *right_out = (struct portal_right){
        .id = id,
        .is_all = str_eq(value_text_at(record, RIGHT_RIGHT), S("all")),
    };
    if (!value_id_at(record, RIGHT_CLIENT, &right_out->client)) return ERR_CORRUPT;
    TRY(txn_record_get_view(txn, clients->number, right_out->client, &client));
    right_out->client_name = title_of(client, clients);
    right_out->is_open = value_is_true_at(client, enabled->number) && !is_archived(client, clients);
    return ERR_NONE;
}

enum err portal_right_find(struct txn *txn, const struct model *model, struct id account,
                           struct id client, struct portal_right *right_out)
{
    const struct entity *rights = model_entity_by_number(model, PORTAL_RIGHT_ENTITY);
    struct view view = {.task = txn_task(txn), .txn = txn, .model = model};
    struct id id;
    require(rights != nullptr);
    const struct pair *pair = entity_pair(rights, entity_field_by_number(rights, RIGHT_ACCOUNT),
                                          entity_field_by_number(rights, RIGHT_CLIENT));
    require(pair != nullptr && pair->is_unique);
    TRY(query_find_pair(&view, pair, account, client, &id));
    return id_is_nil(id) ? ERR_MISSING : right_read(txn, model, id, right_out);
}

enum err portal_rights(struct txn *txn, const struct model *model, struct id account,
                       struct portal_right *rights_out, uint32_t max, uint32_t *count_out)
{
    const struct field *field = field_at(model, PORTAL_RIGHT_ENTITY, RIGHT_ACCOUNT);
    struct scan_range range = {.from = id_bytes(&account), .to = id_bytes(&account)};
    *count_out = 0;
    if (field == nullptr) return ERR_NONE;
    struct scan *scan = scan_index(txn, PORTAL_RIGHT_ENTITY, field->number, &range);
    enum err err = ERR_NONE;
    while (err == ERR_NONE && *count_out < max) {
        bool has_entry;
        struct scan_entry entry;
        err = scan_next(scan, &has_entry, &entry);
        if (err != ERR_NONE || !has_entry) break;
        err = right_read(txn, model, entry.id, &rights_out[*count_out]);
        *count_out += err == ERR_NONE && rights_out[*count_out].is_open;
    }
    scan_close(scan);
    return err;
}

static enum err reach_is_seen(const struct view *view, struct id account, bool *is_seen_out)
{
    const struct field *field = field_at(view->model, PORTAL_RIGHT_ENTITY, RIGHT_ACCOUNT);
    const struct entity *clients = field_at(view->model, PORTAL_RIGHT_ENTITY, RIGHT_CLIENT)->to;
    struct scan_range range = {.from = id_bytes(&account), .to = id_bytes(&account)};
    *is_seen_out = true;
    if (rows_see_all(view, clients)) return ERR_NONE;
    struct scan *scan = scan_index(view->txn, PORTAL_RIGHT_ENTITY, field->number, &range);
    enum err err = ERR_NONE;
    while (*is_seen_out) {
        bool has_entry;
        struct scan_entry entry;
        struct portal_right right;
        err = scan_next(scan, &has_entry, &entry);
        if (err != ERR_NONE || !has_entry) break;
        err = right_read(view->txn, view->model, entry.id, &right);
        if (err != ERR_NONE) break;
        *is_seen_out = rows_see_id(view, clients, right.client);
    }
    scan_close(scan);
    return err;
}

static enum err reach_refuse(struct task *task)
{
    return fail(task, ERR_FORBIDDEN,
                "this account also leads to what you do not see: only who sees all of it may do "
                "that");
}

enum err portal_reach_verify(const struct view *view, struct id account)
{
    bool is_seen;
    TRY(reach_is_seen(view, account, &is_seen));
    return is_seen ? ERR_NONE : reach_refuse(view->task);
}

static bool field_is_covered(const struct scope *scope, const struct field *field, uint8_t actions)
{
    bool is_written = (actions & SCOPE_EDIT) != 0 && field->is_portal_edited;
    return (!field->is_portal_seen || scope_sees_field(scope, field)) &&
           (!is_written || scope_edits_field(scope, field));
}

/** Whether somebody of the firm may all that its contacts may, and is shown what they are. */
static bool portal_is_covered(const struct scope *scope, const struct model *model, uint8_t actions)
{
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        if ((entity->portal.actions & actions & ~scope->actions[entity->number]) != 0) return false;
        for (uint32_t of = 0; of < entity->field_count; of++)
            if (!field_is_covered(scope, &entity->fields[of], actions)) return false;
    }
    return true;
}

enum err portal_entrance_verify(const struct view *view, struct id account, uint8_t actions)
{
    if (!portal_is_covered(view->scope, view->model, actions))
        return fail(view->task, ERR_FORBIDDEN,
                    "a contact sees at the portal what you do not see, or may what you may not: "
                    "only who may as much may do that");
    return portal_reach_verify(view, account);
}

enum err portal_end_verify(struct change *change, struct id account)
{
    const struct entity *clients = field_at(change->model, PORTAL_RIGHT_ENTITY, RIGHT_CLIENT)->to;
    struct view view = change_view(change);
    for (uint32_t at = 0; at < change->touched_count; at++) {
        const struct touched *touched = &change->touched[at];
        struct id client, of;
        if (touched->entity->number != PORTAL_RIGHT_ENTITY || !touched->is_going ||
            !value_id_at(touched->before, RIGHT_ACCOUNT, &of) || !id_eq(of, account) ||
            !value_id_at(touched->before, RIGHT_CLIENT, &client))
            continue;
        if (!change_is_going(change, clients, client) && !rows_see_id(&view, clients, client))
            return reach_refuse(change->task);
    }
    return ERR_NONE;
}

/* What a session keeps of it. */

enum note_key : uint8_t { NOTE_CLIENT = 1, NOTE_VIEWER = 2, NOTE_UNTIL = 3 };

struct portal_note portal_note_read(str encoded)
{
    struct portal_note note = {};
    (void)value_int_at(encoded, NOTE_UNTIL, &note.until_ms);
    (void)value_id_at(encoded, NOTE_CLIENT, &note.client);
    (void)value_id_at(encoded, NOTE_VIEWER, &note.viewer);
    return note;
}

str portal_note_write(struct arena *arena, const struct portal_note *note)
{
    struct buf encoded = buf_make(arena, 64);
    pack_map(&encoded, 3);
    pack_int(&encoded, NOTE_UNTIL);
    pack_int(&encoded, note->until_ms);
    pack_int(&encoded, NOTE_CLIENT);
    pack_bytes(&encoded, id_bytes(&note->client));
    pack_int(&encoded, NOTE_VIEWER);
    pack_bytes(&encoded, id_bytes(&note->viewer));
    require(!buf_is_over(&encoded));
    return buf_str(&encoded);
}

/* Who. */

/** The client that the session has chosen, if it may still be seen, else the first that may. */
static enum err right_in_use(struct txn *txn, const struct model *model, struct id account,
                             struct id chosen, struct portal_right *right_out, bool *has_out)
{
    uint32_t count = 0;
    if (!id_is_nil(chosen)) {
        enum err err = portal_right_find(txn, model, account, chosen, right_out);
        if (err != ERR_NONE && err != ERR_MISSING) return err;
        *has_out = err == ERR_NONE && right_out->is_open;
        if (*has_out) return ERR_NONE;
    }
    TRY(portal_rights(txn, model, account, right_out, 1, &count));
    *has_out = count > 0;
    return ERR_NONE;
}

/** One who views as somebody else needs, at each request, what let him begin. */
static enum err viewer_verify(struct txn *txn, const struct model *model, struct id account,
                              const struct portal_note *note)
{
    bool is_seen = false;
    struct user_row user;
    struct scope scope;
    if (id_is_nil(note->viewer)) return ERR_NONE;
    if (txn_task(txn)->now_ms >= note->until_ms) return ERR_UNAUTHENTICATED;
    enum err err = user_read(txn, note->viewer, &user);
    if (err == ERR_MISSING || (err == ERR_NONE && user.is_disabled)) return ERR_UNAUTHENTICATED;
    TRY(err);
    TRY(scope_of_user(txn, model, user.role, note->viewer, &scope));
    if (!scope_may(&scope, PORTAL_ACCOUNT_ENTITY, SCOPE_EDIT)) return ERR_UNAUTHENTICATED;
    struct view view = {.task = txn_task(txn), .txn = txn, .model = model, .scope = &scope};
    if (portal_is_covered(&scope, model, SCOPE_VIEW)) TRY(reach_is_seen(&view, account, &is_seen));
    return is_seen ? ERR_NONE : ERR_UNAUTHENTICATED;
}

static struct scope scope_of_contact(const struct model *model, struct id contact, uint8_t actions)
{
    struct scope scope = {.actor_kind = ACTOR_CONTACT, .actor = contact};
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        scope.actions[entity->number] = entity->portal.actions & actions;
    }
    return scope;
}

struct scope scope_of_portal(const struct model *model)
{
    return scope_of_contact(model, (struct id){}, SCOPE_EVERYTHING);
}

enum err portal_identify(struct txn *txn, const struct access *access, struct id id,
                         struct identity *identity_out)
{
    struct portal_account account;
    struct portal_right right = {};
    const struct model *model;
    str contact;
    bool has_right;
    enum err err = portal_account_read(txn, id, &account);
    if (err == ERR_MISSING || (err == ERR_NONE && str_eq(account.state, S("disabled"))))
        return ERR_UNAUTHENTICATED;
    TRY(err);
    TRY(model_of(txn_task(txn), txn, access->model, &model));
    const struct entity *contacts = model_contact(model);
    err = txn_record_get_view(txn, contacts->number, account.contact, &contact);
    if (err == ERR_MISSING || (err == ERR_NONE && is_archived(contact, contacts)))
        return ERR_UNAUTHENTICATED;
    TRY(err);
    struct portal_note note = portal_note_read(identity_out->note);
    TRY(viewer_verify(txn, model, id, &note));
    TRY(right_in_use(txn, model, id, note.client, &right, &has_right));
    identity_out->viewer = note.viewer;
    identity_out->email = account.email;
    identity_out->name = title_of(contact, contacts);
    bool is_reader = !has_right || !id_is_nil(note.viewer);
    identity_out->scope =
        scope_of_contact(model, account.contact, is_reader ? SCOPE_VIEW : SCOPE_EVERYTHING);
    identity_out->scope.client = has_right ? right.client : (struct id){};
    identity_out->scope.is_own_alone = !right.is_all;
    return ERR_NONE;
}

/* Entering. */

static enum err note_sign_in(struct change *change, const struct entity *accounts, struct id id)
{
    struct arena *arena = change->task->arena;
    struct buf time = buf_make(arena, 64), text = buf_make(arena, 64), state = buf_make(arena, 64);
    const struct field *last = entity_field_by_number(accounts, ACCOUNT_LAST_SIGN_IN);
    struct portal_account account;
    TRY(portal_account_read(change->txn, id, &account));
    if (str_eq(account.state, S("invited"))) {
        pack_map(&state, 1);
        pack_text(&state, S("state"));
        pack_text(&state, S("active"));
        struct value given = value_of(buf_str(&state));
        TRY(record_patch(change, accounts, id, &given, nullptr));
    }
    time_write(&text, change->task->now_ms);
    pack_text(&time, buf_str(&text));
    struct value given = value_of(buf_str(&time));
    TRY(record_compute(change, accounts, id, last, &given));
    return change_finish(change);
}

enum err portal_entered(struct txn *txn, const struct access *access, struct id account)
{
    struct task *task = txn_task(txn);
    const struct model *model;
    TRY(model_of(task, txn, access->model, &model));
    const struct entity *accounts = model_entity_by_number(model, PORTAL_ACCOUNT_ENTITY);
    require(accounts != nullptr);
    struct scope scope = {.actor_kind = ACTOR_SYSTEM, .rows = ROWS_ALL};
    scope.actions[PORTAL_ACCOUNT_ENTITY] = SCOPE_VIEW | SCOPE_EDIT;
    struct change change = {.task = task, .txn = txn, .model = model, .scope = &scope};
    return note_sign_in(&change, accounts, account);
}
