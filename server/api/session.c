#include "api/session.h"

#include "api/cookie.h"
#include "api/portal_door.h"
#include "api/reply.h"
#include "api/sessions.h"
#include "base/fold.h"
#include "value/json.h"

static void given_text(struct call *call, str name, str *text_out)
{
    struct value value;
    if (!value_find_text(call->given.bytes, name, &value) || value.kind == VALUE_NIL)
        task_fault(call->task, name, S("required"), "is needed");
    else if (value.kind != VALUE_TEXT) task_fault(call->task, name, S("type"), "must be a text");
    else *text_out = value.text;
}

/** One text of a body that is a map. */
static enum err given_member(struct call *call, str name, str *text_out)
{
    *text_out = S("");
    if (call->given.kind != VALUE_MAP)
        task_fault(call->task, S(""), S("type"), "the body must be {\"%.*s\"}", FMT(name));
    else given_text(call, name, text_out);
    return task_faults(call->task);
}

static enum err session_given(struct call *call, str *email_out, str *password_out)
{
    *email_out = *password_out = S("");
    if (call->given.kind != VALUE_MAP) {
        task_fault(call->task, S(""), S("type"), "the body must be {\"email\", \"password\"}");
        return task_faults(call->task);
    }
    given_text(call, S("email"), email_out);
    given_text(call, S("password"), password_out);
    return task_faults(call->task);
}

enum err session_tried(struct call *call, str *email_out)
{
    str email = call->identity.email, password;
    if (call->identity.credential == CREDENTIAL_NONE) TRY(session_given(call, &email, &password));
    else if (call->identity.credential != CREDENTIAL_SESSION)
        return fail(call->task, ERR_FORBIDDEN, "this is for a person who is signed in");
    *email_out = utf8_is_valid(email) ? fold(call->task->arena, email) : S("");
    return ERR_NONE;
}

static void write_member(struct buf *json, const char *name, str text)
{
    buf_print(json, "\"%s\":", name);
    json_write_text(json, text);
}

static void write_words(struct buf *json, const str *words, uint32_t count, uint32_t bits)
{
    bool is_first = true;
    buf_put_byte(json, '[');
    for (uint32_t at = 0; at < count; at++) {
        if ((bits >> at & 1) == 0) continue;
        if (!is_first) buf_put_byte(json, ',');
        json_write_text(json, words[at]);
        is_first = false;
    }
    buf_put_byte(json, ']');
}

static void write_entities(struct buf *json, const struct call *call)
{
    const struct model *model = call->tenant.model;
    bool is_first = true;
    buf_put(json, S("\"entities\":{"));
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        uint8_t actions = call->identity.scope.actions[entity->number];
        if (entity->is_single) actions &= (uint8_t) ~(SCOPE_CREATE | SCOPE_DELETE);
        /* A client need not know what else the firm keeps. */
        if (call->identity.door == DOOR_PORTAL && actions == 0) continue;
        if (!is_first) buf_put_byte(json, ',');
        is_first = false;
        json_write_text(json, entity->name);
        buf_put_byte(json, ':');
        write_words(json, scope_action_words, SCOPE_ACTION_COUNT, actions);
    }
    buf_put_byte(json, '}');
}

static void write_groups(struct buf *json, const struct call *call)
{
    static const str words[] = {S("view"), S("edit")};
    const struct model *model = call->tenant.model;
    const struct scope *scope = &call->identity.scope;
    buf_put(json, S("\"groups\":{"));
    uint32_t count = call->identity.door == DOOR_PORTAL ? 0 : model->group_count;
    for (uint32_t at = 0; at < count; at++) {
        uint32_t bits = (scope->groups_seen >> at & 1U) | (scope->groups_edited >> at & 1U) << 1;
        if (at > 0) buf_put_byte(json, ',');
        json_write_text(json, model->groups[at].name);
        buf_put_byte(json, ':');
        write_words(json, words, 2, bits);
    }
    buf_put_byte(json, '}');
}

static void write_rights(struct buf *json, const struct call *call)
{
    const struct identity *identity = &call->identity;
    bool is_contact = identity->door == DOOR_PORTAL;
    str name = is_contact ? S("contact") : identity->role;
    const struct role *role = is_contact ? nullptr : model_role(call->tenant.model, name);
    uint8_t rows = identity->scope.rows;
    if ((rows & ROWS_ALL) != 0) rows = ROWS_ALL;
    buf_put(json, S("\"roles\":["));
    json_write_text(json, name);
    buf_put(json, S("],\"role\":{"));
    write_member(json, "name", name);
    buf_put_byte(json, ',');
    write_member(json, "label", role != nullptr ? role->label : name);
    buf_put(json, S("},\"rows\":"));
    write_words(json, scope_rows_words, SCOPE_ROWS_COUNT, rows);
    buf_put_byte(json, ',');
    write_entities(json, call);
    buf_put_byte(json, ',');
    write_groups(json, call);
}

static enum err reply_identity(struct call *call, int status)
{
    const struct identity *identity = &call->identity;
    struct buf json = reply_buf(call);
    char id[ID_TEXT_BYTES];
    id_write(identity->user, id);
    buf_put(&json, S("{\"user\":{"));
    write_member(&json, "id", (str){id, ID_TEXT_BYTES});
    buf_put_byte(&json, ',');
    write_member(&json, "email", identity->email);
    buf_put_byte(&json, ',');
    write_member(&json, "name", identity->name);
    buf_put(&json, S("},\"tenant\":{"));
    write_member(&json, "name", call->tenant.name);
    buf_put_byte(&json, ',');
    write_member(&json, "title", call->tenant.title);
    buf_put(&json, S("},\"door\":"));
    json_write_text(&json, identity->door == DOOR_STAFF ? S("staff") : S("portal"));
    buf_put_byte(&json, ',');
    write_rights(&json, call);
    if (identity->door == DOOR_PORTAL) TRY(portal_me_write(&json, call));
    if (identity->credential == CREDENTIAL_SESSION) {
        buf_put_byte(&json, ',');
        write_member(&json, "csrf", identity->csrf);
        buf_put_byte(&json, ',');
        json_write_session(&json, identity);
    }
    buf_put_byte(&json, '}');
    return reply_json(call, status, &json);
}

enum err session_me(struct call *call)
{
    return reply_identity(call, 200);
}

/** What follows a password: the cookie of a new token, and who that is. */
static enum err reply_session(struct call *call, const struct session_new *session, int status)
{
    call->identity = session->identity;
    reply_header(call, S("set-cookie"),
                 cookie_write(call->task->arena, call->is_cookie_plain, session->token,
                              session_age_ms(call->access)));
    return reply_identity(call, status);
}

enum err session_open(struct call *call)
{
    struct sign_in_given given = {
        .door = call->tenant.door,
        .address = call->address,
        .user_agent = call->user_agent,
    };
    struct session_new session;
    TRY(session_given(call, &given.email, &given.password));
    TRY(session_create(call->task, call->access, &call->tenant.space, &given, &session));
    reply_header(call, S("location"), S("/api/v1/session"));
    return reply_session(call, &session, 201);
}

enum err session_renew_proof(struct call *call)
{
    str password;
    struct session_new session;
    TRY(given_member(call, S("password"), &password));
    enum err err = session_prove(call->task, call->access, &call->tenant.space, &call->identity,
                                 password, &session);
    if (err == ERR_UNAUTHENTICATED) {
        /* The session is as good as before: only the proof failed. */
        call->job.is_wrong = true;
        call->task->fault.detail = S("");
        task_fault(call->task, S("password"), S("wrong"), "is not your password");
        return task_faults(call->task);
    }
    TRY(err);
    return reply_session(call, &session, 200);
}

enum err session_close(struct call *call)
{
    if (call->identity.credential != CREDENTIAL_SESSION)
        return fail(call->task, ERR_FORBIDDEN, "a token is no session; it ends where it was made");
    TRY(session_end(call->task, call->access, &call->tenant.space, call->identity.token_hash));
    reply_header(call, S("set-cookie"),
                 cookie_write(call->task->arena, call->is_cookie_plain, S(""), 0));
    reply_empty(call, 204);
    return ERR_NONE;
}

enum err step_up_need(struct call *call)
{
    if (!step_up_is_needed(call->access, &call->identity, call->task->now_ms)) return ERR_NONE;
    call->task->fault.type = S("step_up");
    if (call->identity.credential != CREDENTIAL_SESSION)
        return fail(call->task, ERR_FORBIDDEN,
                    "this needs a person who gives the password, or a token made for it");
    return fail(call->task, ERR_FORBIDDEN,
                "give your password again: POST /api/v1/session/proof {\"password\"}");
}
