#include "api/portal.h"

#include "access/audit.h"
#include "access/link.h"
#include "access/portal.h"
#include "access/portal_view.h"
#include "api/groups.h"
#include "api/parameters.h"
#include "api/records.h"
#include "api/reply.h"
#include "api/rights.h"
#include "api/roads.h"
#include "api/session.h"
#include "base/require.h"
#include "record/query.h"
#include "value/json.h"
#include "value/text.h"

constexpr uint32_t CLIENTS_OF_CONTACT_MAX = 500; /** among which a contact's client is looked for */

/** One client's portal that is being opened. */
struct enabling {
    struct call *call;
    struct change change;
    const struct field *contact_of; /** the client's reference to its first contact */
    struct id contact;
    str email; /** given; empty: the contact's own */
    str right; /** given; empty: that there is, or the declared one */
    struct id account;
    struct id account_right;
    bool is_enabled; /** by this change */
    bool is_account_made, is_account_changed;
    bool is_right_made, is_right_changed;
    bool is_invited;
};

/* What is asked for. */

/** The client's reference that follows the flag of one of its contacts. */
static const struct field *contact_field(const struct call *call)
{
    const struct entity *contacts = model_contact(call->tenant.model);
    for (uint32_t at = 0; contacts != nullptr && at < call->entity->field_count; at++) {
        const struct field *field = &call->entity->fields[at];
        if (field->through.target != nullptr && field->to == contacts) return field;
    }
    return nullptr;
}

static void read_member(struct enabling *enabling, str name, const struct value *value)
{
    struct task *task = enabling->call->task;
    bool is_text = value->kind == VALUE_TEXT;
    if (str_eq(name, S("email"))) enabling->email = is_text ? value->text : S("");
    else if (str_eq(name, S("right"))) enabling->right = is_text ? value->text : S("");
    else if (str_eq(name, S("contact")))
        is_text = is_text && id_parse(value->text, &enabling->contact);
    else {
        task_fault(task, name, S("unknown"), "is unknown; there are email, contact and right");
        return;
    }
    if (!is_text)
        task_fault(task, name, S("type"), "is %s",
                   str_eq(name, S("contact")) ? "the id of a contact" : "a text");
}

static enum err read_given(struct enabling *enabling)
{
    const struct call *call = enabling->call;
    struct cursor cursor = cursor_of(call->given.items);
    struct value key, value;
    if (call->given.kind == VALUE_NIL) return ERR_NONE;
    if (call->given.kind != VALUE_MAP) {
        task_fault(call->task, S(""), S("type"), "the body is {\"email\", \"contact\", \"right\"}");
        return task_faults(call->task);
    }
    for (uint32_t pair = 0;
         pair < call->given.count && value_next(&cursor, &key) && value_next(&cursor, &value);
         pair++)
        if (value.kind != VALUE_NIL)
            read_member(enabling, key.kind == VALUE_TEXT ? key.text : S("?"), &value);
    return task_faults(call->task);
}

/** Whether a contact is one of this client's. */
static enum err is_of_client(struct enabling *enabling, bool *is_out)
{
    const struct call *call = enabling->call;
    const struct through *through = &enabling->contact_of->through;
    struct view view = change_view(&enabling->change);
    struct id links[CLIENTS_OF_CONTACT_MAX];
    uint32_t count;
    *is_out = false;
    TRY(query_find(&view, through->target, id_bytes(&enabling->contact), CLIENTS_OF_CONTACT_MAX,
                   links, &count));
    for (uint32_t at = 0; at < count && !*is_out; at++) {
        struct id client;
        str link;
        TRY(txn_record_get_view(call->txn, through->link->number, links[at], &link));
        *is_out =
            value_id_at(link, through->parent->number, &client) && id_eq(client, call->record);
    }
    return ERR_NONE;
}

/** The contact that was named, else the client's first one. */
static enum err find_contact(struct enabling *enabling, const struct record *client)
{
    struct task *task = enabling->call->task;
    bool is_named = !id_is_nil(enabling->contact), is_one;
    if (is_named) {
        struct record contact;
        struct view view = change_view(&enabling->change);
        enum err err = record_get(&view, enabling->contact_of->to, enabling->contact, &contact);
        if (err != ERR_NONE && err != ERR_MISSING) return err;
        if (err == ERR_NONE) TRY(is_of_client(enabling, &is_one));
        if (err == ERR_NONE && is_one) return ERR_NONE;
        task_fault_clear(task);
        task_fault(task, S("contact"), S("missing"), "is no contact of this %.*s",
                   FMT(enabling->call->entity->name));
    } else if (!value_id_at(client->value, enabling->contact_of->number, &enabling->contact)) {
        task_fault(task, S("contact"), S("required"), "is needed: this %.*s has no contact yet",
                   FMT(enabling->call->entity->name));
    }
    return task_faults(task);
}

/** The first of the contact's addresses. */
static enum err find_email(struct enabling *enabling)
{
    struct task *task = enabling->call->task;
    struct view view = change_view(&enabling->change);
    struct record contact;
    TRY(record_get(&view, enabling->contact_of->to, enabling->contact, &contact));
    str person = record_values(&view, &contact);
    struct value emails, first;
    if (value_find_text(person, S("emails"), &emails) && emails.kind == VALUE_LIST) {
        struct cursor cursor = cursor_of(emails.items);
        if (value_next(&cursor, &first)) enabling->email = value_text_in(first.bytes, S("value"));
    }
    if (enabling->email.len == 0)
        task_fault(task, S("email"), S("required"), "is needed: the contact has no address");
    return task_faults(task);
}

/* What is done. */

struct member {
    str name, value;
};

/** A map of texts, as a request would give it. */
static struct value given_of(struct arena *arena, const struct member *members, uint32_t count)
{
    struct buf map = buf_make(arena, 4 * KIB);
    uint32_t given = 0;
    for (uint32_t at = 0; at < count; at++) given += members[at].value.len > 0;
    pack_map(&map, given);
    for (uint32_t at = 0; at < count; at++) {
        if (members[at].value.len == 0) continue;
        pack_text(&map, members[at].name);
        pack_text(&map, members[at].value);
    }
    require(!buf_is_over(&map));
    return value_of(buf_str(&map));
}

static void note_of(struct call *call, struct id id, enum audit_kind kind)
{
    struct audit_event event = audit_of(&call->identity, kind, call->address);
    event.entity = PORTAL_ACCOUNT_ENTITY;
    event.record = id;
    audit_put(call->txn, &event);
}

/** In the same commit, so that nobody is invited to what is not open. */
static enum err invite(struct call *call, struct id id, bool *is_invited_out)
{
    struct portal_account account;
    struct account entered;
    TRY(portal_account_read(call->txn, id, &account));
    *is_invited_out = str_eq(account.state, S("invited"));
    if (!*is_invited_out) return ERR_NONE;
    TRY(account_read(call->txn, call->access, (struct subject){DOOR_PORTAL, id}, &entered));
    TRY(link_send(call->txn, call->access, &call->tenant, &entered, LINK_INVITATION));
    note_of(call, id, AUDIT_INVITED);
    return ERR_NONE;
}

static enum err enable_client(struct enabling *enabling, const struct record *client)
{
    struct call *call = enabling->call;
    const struct field *field = entity_field(call->entity, S("portal_enabled"));
    require(field != nullptr);
    if (value_is_true_at(client->value, field->number)) return ERR_NONE;
    struct buf map = buf_make(call->task->arena, 64);
    pack_map(&map, 1);
    pack_text(&map, field->name);
    pack_bool(&map, true);
    struct value given = value_of(buf_str(&map));
    enabling->is_enabled = true;
    return record_patch(&enabling->change, call->entity, call->record, &given, nullptr);
}

static enum err make_account(struct enabling *enabling, const struct entity *accounts)
{
    struct arena *arena = enabling->call->task->arena;
    if (enabling->email.len == 0) TRY(find_email(enabling));
    const struct member members[] = {{S("contact"), id_text(arena, enabling->contact)},
                                     {S("email"), enabling->email}};
    struct value given = given_of(arena, members, 2);
    enabling->is_account_made = true;
    return record_create(&enabling->change, accounts, &given, &enabling->account);
}

static enum err settle_account(struct enabling *enabling)
{
    struct call *call = enabling->call;
    const struct entity *accounts =
        model_entity_by_number(call->tenant.model, PORTAL_ACCOUNT_ENTITY);
    struct portal_account account;
    TRY(portal_account_of(call->txn, call->tenant.model, enabling->contact, &enabling->account));
    if (id_is_nil(enabling->account)) return make_account(enabling, accounts);
    TRY(portal_account_read(call->txn, enabling->account, &account));
    if (str_eq(account.state, S("disabled")))
        return fail(call->task, ERR_CONFLICT,
                    "this contact's account is disabled; make it `invited` or `active` first");
    if (enabling->email.len == 0 || str_eq(enabling->email, account.email)) return ERR_NONE;
    const struct member member = {S("email"), enabling->email};
    struct value given = given_of(call->task->arena, &member, 1);
    enabling->is_account_changed = true;
    return record_patch(&enabling->change, accounts, enabling->account, &given, nullptr);
}

static enum err settle_right(struct enabling *enabling)
{
    struct call *call = enabling->call;
    struct arena *arena = call->task->arena;
    const struct entity *rights = model_entity_by_number(call->tenant.model, PORTAL_RIGHT_ENTITY);
    struct portal_right right;
    enum err err =
        portal_right_find(call->txn, call->tenant.model, enabling->account, call->record, &right);
    if (err == ERR_MISSING) {
        const struct member members[] = {{S("account"), id_text(arena, enabling->account)},
                                         {S("client"), id_text(arena, call->record)},
                                         {S("right"), enabling->right}};
        struct value given = given_of(arena, members, 3);
        enabling->is_right_made = true;
        return record_create(&enabling->change, rights, &given, &enabling->account_right);
    }
    TRY(err);
    enabling->account_right = right.id;
    if (enabling->right.len == 0 || right.is_all == str_eq(enabling->right, S("all")))
        return ERR_NONE;
    const struct member member = {S("right"), enabling->right};
    struct value given = given_of(arena, &member, 1);
    enabling->is_right_changed = true;
    return record_patch(&enabling->change, rights, right.id, &given, nullptr);
}

static enum err enable(struct enabling *enabling)
{
    struct call *call = enabling->call;
    struct view view = change_view(&enabling->change);
    struct record client;
    TRY(record_get(&view, call->entity, call->record, &client));
    client.value = arena_copy(call->task->arena, client.value);
    TRY(find_contact(enabling, &client));
    TRY(enable_client(enabling, &client));
    TRY(settle_account(enabling));
    TRY(settle_right(enabling));
    TRY(change_end(call, &enabling->change));
    if (!enabling->is_account_made && !enabling->is_account_changed) return ERR_NONE;
    return invite(call, enabling->account, &enabling->is_invited);
}

/* The answer. */

static enum err write_record(struct buf *json, struct call *call, uint16_t number, struct id id)
{
    struct view view = call_view(call);
    const struct entity *entity = model_entity_by_number(call->tenant.model, number);
    struct record record;
    TRY(record_get(&view, entity, id, &record));
    buf_print(json, "\"%.*s\":", FMT(entity->name));
    record_write(json, &view, &record, nullptr);
    buf_put_byte(json, ',');
    return ERR_NONE;
}

static enum err write_enabled(struct buf *json, const struct enabling *enabling, bool is_preview)
{
    struct call *call = enabling->call;
    buf_put_byte(json, '{');
    TRY(write_record(json, call, call->entity->number, call->record));
    TRY(write_record(json, call, PORTAL_ACCOUNT_ENTITY, enabling->account));
    TRY(write_record(json, call, PORTAL_RIGHT_ENTITY, enabling->account_right));
    const struct {
        const char *what;
        bool is;
    } done[] = {
        {"enabled", enabling->is_enabled},
        {"account_made", enabling->is_account_made},
        {"account_changed", enabling->is_account_changed},
        {"right_made", enabling->is_right_made},
        {"right_changed", enabling->is_right_changed},
        {"invited", enabling->is_invited},
    };
    buf_print(json, "\"preview\":%s,\"done\":[", is_preview ? "true" : "false");
    for (size_t at = 0, told = 0; at < sizeof done / sizeof *done; at++)
        if (done[at].is) buf_print(json, "%s\"%s\"", told++ == 0 ? "" : ",", done[at].what);
    buf_put(json, S("]}"));
    return ERR_NONE;
}

enum err portal_enable(struct call *call)
{
    bool is_preview;
    TRY(preview_read(call, &is_preview));
    struct enabling enabling = {
        .call = call, .change = change_begin(call), .contact_of = contact_field(call)};
    if (enabling.contact_of == nullptr)
        return fail(call->task, ERR_MISSING, "there is no portal for %.*s",
                    FMT(call->entity->plural));
    TRY(read_given(&enabling));
    struct savepoint savepoint = txn_savepoint(call->txn);
    TRY(enable(&enabling));
    struct buf json = reply_buf(call);
    TRY(write_enabled(&json, &enabling, is_preview));
    if (is_preview) {
        txn_rollback(call->txn, savepoint);
        call->reply.header_count = 0;
    }
    return reply_json(call, 200, &json);
}

/* Accounts. */

static enum err account_is_seen(struct call *call)
{
    struct view view = call_view(call);
    struct record record;
    const struct entity *accounts =
        model_entity_by_number(call->tenant.model, PORTAL_ACCOUNT_ENTITY);
    require(accounts != nullptr);
    return record_get(&view, accounts, call->record, &record);
}

/** And is the caller's to enter by, for these `actions`. */
static enum err account_is_open(struct call *call, uint8_t actions)
{
    struct view view = call_view(call);
    TRY(account_is_seen(call));
    return portal_entrance_verify(&view, call->record, actions);
}

enum err portal_invite(struct call *call)
{
    struct portal_account account;
    struct account entered;
    bool is_invited;
    TRY(account_is_seen(call));
    TRY(portal_account_read(call->txn, call->record, &account));
    if (str_eq(account.state, S("disabled")))
        return fail(
            call->task, ERR_CONFLICT,
            "this account is disabled and cannot be invited: set its `state` to invited first");
    TRY(invite(call, call->record, &is_invited));
    if (!is_invited) {
        const struct subject subject = {DOOR_PORTAL, call->record};
        TRY(account_read(call->txn, call->access, subject, &entered));
        TRY(link_send(call->txn, call->access, &call->tenant, &entered, LINK_RESET));
        note_of(call, call->record, AUDIT_RESET_ASKED);
    }
    reply_empty(call, 202);
    return ERR_NONE;
}

enum err portal_view_as(struct call *call)
{
    str address;
    TRY(account_is_open(call, SCOPE_VIEW));
    TRY(portal_view_offer(call->txn, call->access, &call->tenant, call->record, call->identity.user,
                          &address));
    struct buf json = reply_buf(call);
    buf_put(&json, S("{\"address\":"));
    json_write_text(&json, address);
    buf_put(&json, S(",\"ends_at\":\""));
    time_write(&json, call->task->now_ms + LINK_VIEW_MS);
    buf_put(&json, S("\"}"));
    return reply_json(call, 200, &json);
}

static enum err password_may_be_set(struct call *call)
{
    return account_is_open(call, SCOPE_EVERYTHING);
}

/** What was so when it was asked for must be so when it is done: hashing takes its time. */
static enum err setting_verify(void *owner, struct txn *txn)
{
    struct call *call = owner;
    call->txn = txn;
    enum err err = rights_again(call);
    if (err == ERR_NONE) err = password_may_be_set(call);
    if (err == ERR_NONE) note_of(call, call->record, AUDIT_PASSWORD_CHANGED);
    call->txn = nullptr;
    return err;
}

enum err portal_set_password(struct call *call)
{
    struct value password;
    TRY(call_read(call, false, password_may_be_set));
    bool is_given = call->given.kind == VALUE_MAP && call->given.count == 1 &&
                    value_find_text(call->given.bytes, S("password"), &password);
    if (!is_given) task_fault(call->task, S(""), S("type"), "the body must be {\"password\"}");
    else if (password.kind != VALUE_TEXT)
        task_fault(call->task, S("password"), S("type"), "must be a text");
    TRY(task_faults(call->task));
    const struct password_given given = {
        .subject = {DOOR_PORTAL, call->record},
        .password = password.text,
        .verify = setting_verify,
        .owner = call,
    };
    TRY(password_set(call->task, call->access, &call->tenant.space, &given));
    reply_empty(call, 204);
    return ERR_NONE;
}
