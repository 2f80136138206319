#include "api/portal_door.h"

#include "access/portal.h"
#include "access/portal_log.h"
#include "access/portal_view.h"
#include "access/session.h"
#include "access/user.h"
#include "api/reply.h"
#include "api/session.h"
#include "base/require.h"
#include "value/json.h"

/* Who I am. */

static void write_right(struct buf *json, const struct portal_right *right)
{
    buf_put_byte(json, '{');
    json_member_id(json, "id", right->client);
    buf_put(json, S(",\"name\":"));
    json_write_text(json, right->client_name);
    buf_print(json, ",\"right\":\"%s\"}", right->is_all ? "all" : "own");
}

static enum err write_viewer(struct buf *json, struct txn *txn, struct id viewer)
{
    struct user_row user;
    buf_put(json, S(",\"viewed_by\":"));
    if (id_is_nil(viewer)) return buf_put(json, S("null")), ERR_NONE;
    TRY(user_read(txn, viewer, &user));
    buf_put_byte(json, '{');
    json_member_id(json, "id", viewer);
    buf_put(json, S(",\"name\":"));
    json_write_text(json, user.name);
    buf_put_byte(json, '}');
    return ERR_NONE;
}

static enum err write_portal(struct buf *json, struct call *call, struct txn *txn)
{
    const struct identity *identity = &call->identity;
    struct portal_right *rights =
        arena_new(call->task->arena, struct portal_right, PORTAL_RIGHTS_SHOWN_MAX);
    uint32_t count;
    TRY(portal_rights(txn, call->tenant.model, identity->user, rights, PORTAL_RIGHTS_SHOWN_MAX,
                      &count));
    buf_put(json, S(",\"portal\":{"));
    json_member_id(json, "contact", identity->scope.actor);
    json_member_id(json, "client", identity->scope.client);
    buf_put(json, S(",\"clients\":["));
    for (uint32_t at = 0; at < count; at++) {
        if (at > 0) buf_put_byte(json, ',');
        write_right(json, &rights[at]);
    }
    buf_put_byte(json, ']');
    TRY(write_viewer(json, txn, identity->viewer));
    buf_put_byte(json, '}');
    return ERR_NONE;
}

enum err portal_me_write(struct buf *json, struct call *call)
{
    struct txn *txn;
    require(call->identity.door == DOOR_PORTAL);
    if (call->txn != nullptr) return write_portal(json, call, call->txn);
    TRY(txn_open(call->task, &call->tenant.space, &txn));
    enum err err = write_portal(json, call, txn);
    txn_close(txn);
    return err;
}

/* Choosing. */

static enum err read_client(struct call *call, struct id *client_out)
{
    struct value client;
    bool is_there = call->given.kind == VALUE_MAP && call->given.count == 1 &&
                    value_find_text(call->given.bytes, S("client"), &client);
    if (!is_there) task_fault(call->task, S(""), S("type"), "the body must be {\"client\"}");
    else if (client.kind != VALUE_TEXT || !id_parse(client.text, client_out))
        task_fault(call->task, S("client"), S("type"), "is the id of a client");
    return task_faults(call->task);
}

enum err portal_choose(struct call *call)
{
    struct identity *identity = &call->identity;
    struct portal_right right;
    struct id client = {};
    if (identity->door != DOOR_PORTAL)
        return fail(call->task, ERR_MISSING, "at this door no client is chosen");
    TRY(read_client(call, &client));
    enum err err = portal_right_find(call->txn, call->tenant.model, identity->user, client, &right);
    if (err == ERR_MISSING || (err == ERR_NONE && !right.is_open)) {
        task_fault(call->task, S("client"), S("missing"), "there is no such client");
        return task_faults(call->task);
    }
    TRY(err);
    struct portal_note note = portal_note_read(identity->note);
    note.client = client;
    identity->note = portal_note_write(call->task->arena, &note);
    TRY(session_note(call->txn, call->access, identity->token_hash, identity->note));
    TRY(portal_identify(call->txn, call->access, identity->user, identity));
    return session_me(call);
}

/* As somebody else. */

enum err portal_view(struct call *call)
{
    struct session_new session;
    struct sign_in_given given = given_from(call);
    if (given.door != DOOR_PORTAL)
        return fail(call->task, ERR_MISSING, "at this door nobody is seen as somebody else");
    TRY(given_map(call, "{\"token\"}"));
    given_only(call, "token");
    given_text(call, S("token"), true, &given.token);
    TRY(task_faults(call->task));
    TRY(portal_view_begin(call->txn, call->access, &given, &session));
    reply_header(call, S("location"), S("/api/v1/session"));
    return reply_session(call, &session, 201);
}

/* What was looked at. */

void portal_was_shown(const struct call *call, struct id record)
{
    if (call->identity.door != DOOR_PORTAL || call->identity.credential == CREDENTIAL_NONE) return;
    portal_log_view(call->api->portal_log, call->access,
                    &(struct portal_view){
                        .space = &call->tenant.space,
                        .identity = &call->identity,
                        .cause = call->task->request_id,
                        .address = call->address,
                        .entity = call->entity->number,
                        .record = record,
                    });
}
