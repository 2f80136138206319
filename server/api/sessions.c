#include "api/sessions.h"

#include "access/audit.h"
#include "access/door.h"
#include "access/session.h"
#include "access/user.h"
#include "api/reply.h"
#include "api/rights.h"
#include "value/json.h"

/** Wakes what is open by a session that has ended, too. */
static void note(struct call *call, enum door door, struct id subject)
{
    struct audit_event event = audit_of(&call->identity, AUDIT_SESSION_REVOKED, call->address);
    event.entity = door_entity(door);
    event.record = subject;
    audit_put(call->txn, &event);
}

void json_write_session(struct buf *json, const struct identity *identity)
{
    buf_put(json, S("\"session\":{"));
    json_member_id(json, "id", identity->session);
    json_member_time(json, "proven_at", identity->proven_at_ms);
    buf_put_byte(json, '}');
}

static void write_row(struct buf *json, const struct session_row *session, bool is_this)
{
    buf_put_byte(json, '{');
    json_member_id(json, "id", session->id);
    json_member_time(json, "created_at", session->made_ms);
    json_member_time(json, "last_used_at", session->seen_ms);
    json_member_time(json, "proven_at", session->proven_ms);
    json_member_text(json, "address", session->address);
    json_member_text(json, "user_agent", session->user_agent);
    buf_print(json, ",\"current\":%s}", is_this ? "true" : "false");
}

static enum err reply_sessions(struct call *call, struct id subject)
{
    struct buf json = reply_buf(call);
    struct session_row session = {};
    buf_put(&json, S("{\"data\":["));
    for (uint32_t count = 0; count <= SESSIONS_OF_SUBJECT_MAX; count++) {
        enum err err = session_next(call->txn, call->access, subject, session.id, &session);
        if (err == ERR_MISSING) break;
        TRY(err);
        if (count > 0) buf_put_byte(&json, ',');
        bool is_this = call->identity.credential == CREDENTIAL_SESSION &&
                       id_eq(session.id, call->identity.session);
        write_row(&json, &session, is_this);
    }
    buf_put(&json, S("]}"));
    return reply_json(call, 200, &json);
}

enum err sessions_list(struct call *call)
{
    return reply_sessions(call, call->identity.user);
}

enum err sessions_end_one(struct call *call)
{
    TRY(rights_cover_own(call));
    enum err err = session_end_one(call->txn, call->identity.user, call->record);
    if (err == ERR_MISSING) return fail(call->task, err, "you have no such session");
    TRY(err);
    note(call, call->identity.door, call->identity.user);
    reply_empty(call, 204);
    return ERR_NONE;
}

enum err sessions_end_others(struct call *call)
{
    TRY(rights_cover_own(call));
    TRY(sessions_end(call->txn, call->identity.user, call->identity.session));
    note(call, call->identity.door, call->identity.user);
    reply_empty(call, 204);
    return ERR_NONE;
}

enum err sessions_of_user(struct call *call)
{
    TRY(rights_cover_user(call, call->record));
    return reply_sessions(call, call->record);
}

enum err sessions_of_user_end(struct call *call)
{
    TRY(rights_cover_user(call, call->record));
    struct id but = {};
    if (id_eq(call->record, call->identity.user)) but = call->identity.session;
    TRY(sessions_end(call->txn, call->record, but));
    note(call, DOOR_STAFF, call->record);
    reply_empty(call, 204);
    return ERR_NONE;
}
