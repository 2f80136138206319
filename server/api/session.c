#include "api/session.h"

#include "access/link.h"
#include "api/cookie.h"
#include "api/portal_door.h"
#include "api/reply.h"
#include "api/roads.h"
#include "api/sessions.h"
#include "base/fold.h"
#include "api/tokens.h"
#include "value/json.h"

constexpr size_t TRIED_BYTES_MAX = 1024; /** of an address or a link, to count tries by */

enum err given_map(struct call *call, const char *form)
{
    if (call->given.kind != VALUE_MAP)
        task_fault(call->task, S(""), S("type"), "the body must be %s", form);
    return task_faults(call->task);
}

static bool is_known_member(str known, str name)
{
    str word;
    for (bool is_more = true; is_more;) {
        is_more = str_cut(known, ',', &word, &known);
        if (str_eq(str_trim(word), name)) return true;
    }
    return false;
}

void given_only(struct call *call, const char *known)
{
    struct cursor pairs = cursor_of(call->given.items);
    struct value key, value;
    while (call->given.kind == VALUE_MAP && value_next(&pairs, &key) && value_next(&pairs, &value))
        if (!is_known_member(str_of(known), key.text))
            task_fault(call->task, utf8_first(key.text, 64), S("unknown"), "there are: %s", known);
}

void given_text(struct call *call, str name, bool is_needed, str *text_out)
{
    struct value value;
    *text_out = S("");
    bool is_there = value_find_text(call->given.bytes, name, &value) && value.kind != VALUE_NIL;
    if (is_there && value.kind == VALUE_TEXT) *text_out = value.text;
    else if (is_there) task_fault(call->task, name, S("type"), "must be a text");
    if (is_needed && (!is_there || (value.kind == VALUE_TEXT && value.text.len == 0)))
        task_fault(call->task, name, S("required"), "is needed");
}

struct sign_in_given given_from(const struct call *call)
{
    return (struct sign_in_given){
        .door = call->tenant.door,
        .address = call->address,
        .user_agent = call->user_agent,
    };
}

/** By e-mail and password, or by the token of a mailed link. */
static enum err session_given(struct call *call, struct sign_in_given *given)
{
    struct value token;
    TRY(given_map(call, "{\"email\", \"password\"} or {\"token\"}"));
    bool is_by_link = value_find_text(call->given.bytes, S("token"), &token);
    given_only(call, "email, password, token, code");
    given_text(call, S("email"), !is_by_link, &given->email);
    given_text(call, S("password"), !is_by_link, &given->password);
    given_text(call, S("token"), is_by_link, &given->token);
    given_text(call, S("code"), false, &given->code);
    return task_faults(call->task);
}

/** Of the link that was given: the address of its owner; of one that is none, the link itself. */
static enum err link_tried(struct call *call)
{
    struct account account;
    str token;
    given_text(call, S("token"), true, &token);
    enum err err = link_owner(call->txn, call->access, token, &account);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    call->job.email = err == ERR_NONE ? arena_copy(call->task->arena, account.email) : token;
    return ERR_NONE;
}

enum err session_tried(struct call *call)
{
    struct task *task = call->task;
    str token, code, *email = &call->job.email;
    TRY(given_map(call, "an object"));
    given_text(call, S("email"), false, email);
    given_text(call, S("token"), false, &token);
    given_text(call, S("code"), false, &code);
    TRY(task_faults(task));
    call->job.has_code = code.len > 0;
    if (call->identity.credential == CREDENTIAL_SESSION) *email = call->identity.email;
    else if (call->identity.credential != CREDENTIAL_NONE)
        return fail(task, ERR_FORBIDDEN, "this is for a person who is signed in");
    else if (token.len > 0) TRY(call_read(call, false, link_tried));
    /* As it is looked up, before it is cut: blanks must not push it out of what is counted. */
    str trimmed = utf8_is_valid(*email) ? utf8_first(str_trim(*email), TRIED_BYTES_MAX) : S("");
    *email = fold(task->arena, trimmed);
    return ERR_NONE;
}

enum err session_tell_wrong(struct call *call, enum err err, str field)
{
    struct fault *fault = &call->task->fault;
    if (err != ERR_UNAUTHENTICATED) return err;
    bool is_of_code = str_eq(fault->type, S("code_needed")) || str_eq(fault->type, S("code_wrong"));
    if (str_eq(fault->type, S("code_wrong"))) call->job.wrong = WRONG_CODE;
    else if (!is_of_code) call->job.wrong = WRONG_PASSWORD;
    /* Whoever is signed in stays so: that is no 401, which would send a page to its first form. */
    if (field.len == 0 || is_of_code) return err;
    fault->detail = S("");
    task_fault(call->task, field, S("wrong"), "is not right");
    return task_faults(call->task);
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
    if (identity->credential == CREDENTIAL_TOKEN) {
        buf_put_byte(&json, ',');
        json_write_token_of(&json, identity);
    }
    buf_put_byte(&json, '}');
    return reply_json(call, status, &json);
}

enum err session_me(struct call *call)
{
    return reply_identity(call, 200);
}

enum err reply_session(struct call *call, const struct session_new *session, int status)
{
    call->identity = session->identity;
    reply_header(call, S("set-cookie"),
                 cookie_write(call->task->arena, call->is_cookie_plain, session->token,
                              session_age_ms(call->access)));
    return reply_identity(call, status);
}

enum err session_open(struct call *call)
{
    struct sign_in_given given = given_from(call);
    struct session_new session;
    TRY(session_given(call, &given));
    enum err err = session_create(call->task, call->access, &call->tenant.space, &given, &session);
    TRY(session_tell_wrong(call, err, S("")));
    reply_header(call, S("location"), S("/api/v1/session"));
    return reply_session(call, &session, 201);
}

enum err session_renew_proof(struct call *call)
{
    struct sign_in_given given = given_from(call);
    struct session_new session;
    given_only(call, "password, code");
    given_text(call, S("password"), true, &given.password);
    given_text(call, S("code"), false, &given.code);
    TRY(task_faults(call->task));
    enum err err = session_prove(call->task, call->access, &call->tenant.space, &call->identity,
                                 &given, &session);
    TRY(session_tell_wrong(call, err, S("password")));
    return reply_session(call, &session, 200);
}

enum err session_close(struct call *call)
{
    if (call->identity.credential != CREDENTIAL_SESSION)
        return fail(call->task, ERR_FORBIDDEN, "a token is no session; it ends where it was made");
    TRY(session_end(call->task, call->access, &call->tenant.space, &call->identity, call->address));
    reply_header(call, S("set-cookie"),
                 cookie_write(call->task->arena, call->is_cookie_plain, S(""), 0));
    reply_empty(call, 204);
    return ERR_NONE;
}

enum err step_up_need(struct call *call)
{
    if (!step_up_is_needed(call->access, &call->identity, call->task->now_ms)) return ERR_NONE;
    return step_up_refuse(call->task, call->identity.credential == CREDENTIAL_SESSION);
}

enum err step_up_need_of_person(struct call *call)
{
    return call->identity.credential == CREDENTIAL_SESSION ? step_up_need(call) : ERR_NONE;
}
