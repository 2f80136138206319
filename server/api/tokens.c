#include "api/tokens.h"

#include "access/audit.h"
#include "access/role.h"
#include "access/token.h"
#include "access/user.h"
#include "api/reply.h"
#include "api/rights.h"
#include "api/session.h"
#include "base/limits.h"
#include "value/json.h"
#include "value/text.h"

/* Telling. */

static void write_token(struct buf *json, const struct call *call, const struct token_row *token)
{
    buf_put_byte(json, '{');
    json_member_id(json, "id", token->id);
    json_member_id(json, "user", token->user);
    json_member_text(json, "name", token->name);
    json_member_text(json, "role", token->role);
    json_member_text(json, "begins_with", token->beginning);
    json_member_time(json, "created_at", token->made_ms);
    json_member_time(json, "expires_at", token->ends_ms);
    json_member_time(json, "last_used_at", token->used_ms);
    bool is_current = id_eq(token->id, call->identity.scope.token);
    buf_print(json, ",\"proof\":%s,\"current\":%s", token->is_proof ? "true" : "false",
              is_current ? "true" : "false");
}

void json_write_token_of(struct buf *json, const struct identity *identity)
{
    buf_put(json, S("\"token\":{"));
    json_member_id(json, "id", identity->scope.token);
    json_member_text(json, "name", identity->token_name);
    json_member_text(json, "role", identity->token_role);
    json_member_time(json, "expires_at", identity->token_ends_ms);
    buf_put_byte(json, '}');
}

static enum err reply_tokens(struct call *call, struct id user)
{
    struct buf json = reply_buf(call);
    struct token_row token;
    str after = S("");
    enum err err;
    buf_put(&json, S("{\"data\":["));
    for (uint32_t count = 0; (err = token_next(call->txn, user, &after, &token)) == ERR_NONE;
         count++) {
        if (count > 0) buf_put_byte(&json, ',');
        write_token(&json, call, &token);
        buf_put_byte(&json, '}');
    }
    if (err != ERR_MISSING) return err;
    buf_put(&json, S("]}"));
    return reply_json(call, 200, &json);
}

/* Making. */

static void read_text(struct call *call, const struct value *value, str name, size_t bytes_max,
                      str *text_out)
{
    if (value->kind == VALUE_NIL) return;
    if (value->kind != VALUE_TEXT || value->text.len > bytes_max)
        task_fault(call->task, name, S("type"), "must be a text of at most %zu bytes", bytes_max);
    else *text_out = value->text;
}

static void read_end(struct call *call, const struct value *value, int64_t *ends_ms_out)
{
    constexpr int64_t days_ms_max = TOKEN_DAYS_MAX * DAY_MS;
    if (value->kind == VALUE_NIL) return;
    bool is_time = value->kind == VALUE_TEXT && time_parse(value->text, ends_ms_out);
    if (!is_time || *ends_ms_out <= call->task->now_ms ||
        *ends_ms_out > call->task->now_ms + days_ms_max)
        task_fault(call->task, S("expires_at"), S("range"),
                   "must be a time to come, as 2030-01-31T12:00:00Z; null: never");
}

static enum err wanted_read(struct call *call, struct token_row *token)
{
    struct task *task = call->task;
    struct value key, value;
    struct cursor cursor = cursor_of(call->given.items);
    if (call->given.kind != VALUE_MAP)
        task_fault(task, S(""), S("type"), "the body must be {\"name\", \"role\", \"expires_at\"}");
    for (uint32_t at = 0; call->given.kind == VALUE_MAP && at < call->given.count; at++) {
        if (!value_next(&cursor, &key) || !value_next(&cursor, &value)) break;
        if (str_eq(key.text, S("name")))
            read_text(call, &value, S("name"), TOKEN_NAME_BYTES_MAX, &token->name);
        else if (str_eq(key.text, S("role")))
            read_text(call, &value, S("role"), TOKEN_NAME_BYTES_MAX, &token->role);
        else if (str_eq(key.text, S("expires_at"))) read_end(call, &value, &token->ends_ms);
        else if (!str_eq(key.text, S("proof")))
            task_fault(task, key.text, S("unknown"), "there are name, role, expires_at and proof");
        else if (value.kind == VALUE_BOOL) token->is_proof = value.boolean;
        else task_fault(task, S("proof"), S("type"), "is true or false");
    }
    if (task->fault.item_count == 0 && token->name.len == 0)
        task_fault(task, S("name"), S("required"), "is needed, so that people know what it is for");
    return task_faults(task);
}

static void note(struct call *call, enum audit_kind kind, const struct token_row *token)
{
    struct audit_event event = audit_of(&call->identity, kind, call->address);
    event.entity = USER_ENTITY;
    event.record = token->user;
    event.words =
        arena_print(call->task->arena, "%.*s…: %.*s", FMT(token->beginning), FMT(token->name));
    audit_put(call->txn, &event);
}

static enum err make_for(struct call *call, struct id user)
{
    struct token_row token = {.user = user};
    str text;
    if (call->identity.credential == CREDENTIAL_TOKEN)
        return fail(call->task, ERR_FORBIDDEN,
                    "a token makes no other: sign in, or use the command line");
    TRY(wanted_read(call, &token));
    TRY(token_make(call->txn, call->tenant.model, &token, &text));
    note(call, AUDIT_TOKEN_MADE, &token);
    struct buf json = reply_buf(call);
    write_token(&json, call, &token);
    json_member_text(&json, "token", text);
    buf_put_byte(&json, '}');
    reply_header(call, S("location"),
                 arena_print(call->task->arena, "/api/v1/tokens/%.*s",
                             FMT(id_text(call->task->arena, token.id))));
    return reply_json(call, 201, &json);
}

enum err tokens_list(struct call *call)
{
    return reply_tokens(call, call->identity.user);
}

enum err tokens_make(struct call *call)
{
    return make_for(call, call->identity.user);
}

/* Of others. */

enum err tokens_of_user(struct call *call)
{
    TRY(rights_cover_user(call, call->record));
    return reply_tokens(call, call->record);
}

enum err tokens_of_user_make(struct call *call)
{
    /* The proof is asked for when there is such a user. */
    TRY(rights_cover_user(call, call->record));
    TRY(step_up_need(call));
    return make_for(call, call->record);
}

enum err tokens_end(struct call *call)
{
    struct token_row token;
    enum err err = token_find(call->txn, call->record, &token);
    bool is_own = err == ERR_NONE && id_eq(token.user, call->identity.user);
    bool may = is_own || scope_may(&call->identity.scope, USER_ENTITY, SCOPE_EDIT);
    if (err == ERR_MISSING || (err == ERR_NONE && !may))
        return fail(call->task, ERR_MISSING, "there is no such token");
    TRY(err);
    bool is_itself = id_eq(token.id, call->identity.scope.token);
    if (!is_itself) TRY(rights_cover_user(call, token.user));
    TRY(token_end(call->txn, call->record));
    note(call, AUDIT_TOKEN_REVOKED, &token);
    reply_empty(call, 204);
    return ERR_NONE;
}
