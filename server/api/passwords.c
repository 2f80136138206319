#include "api/passwords.h"

#include "access/audit.h"
#include "access/door.h"
#include "access/link.h"
#include "access/totp.h"
#include "api/reply.h"
#include "api/rights.h"
#include "api/session.h"
#include "base/fold.h"
#include "value/email.h"
#include "value/json.h"

static void note(struct call *call, enum audit_kind kind, struct subject subject, str words)
{
    struct audit_event event = audit_of(&call->identity, kind, call->address);
    event.entity = door_entity(subject.door);
    event.record = subject.id;
    event.words = words;
    audit_put(call->txn, &event);
}

/* One's own. */

enum err passwords_change(struct call *call)
{
    struct sign_in_given given = given_from(call);
    struct session_new session;
    given_only(call, "password, new, code");
    given_text(call, S("password"), true, &given.password);
    given_text(call, S("new"), true, &given.new_password);
    given_text(call, S("code"), false, &given.code);
    TRY(task_faults(call->task));
    enum err err = password_change(call->task, call->access, &call->tenant.space, &call->identity,
                                   &given, &session);
    TRY(session_tell_wrong(call, err, S("password")));
    return reply_session(call, &session, 200);
}

/* By mail. */

static enum err ask(struct call *call, enum link_purpose purpose)
{
    str email;
    TRY(given_map(call, "{\"email\"}"));
    given_only(call, "email");
    given_text(call, S("email"), true, &email);
    if (email.len > 0 && !email_is_address(str_trim(email)))
        task_fault(call->task, S("email"), S("format"),
                   "is not an address: one looks like ann@example.com");
    TRY(task_faults(call->task));
    bool is_text = email.len <= TOKEN_TEXT_BYTES_MAX * 4 && utf8_is_valid(email);
    str folded = is_text ? fold(call->task->arena, email) : S("");
    enum err err = sign_in_ask(call->api->sign_in, call->tenant.space.uuid, folded, call->address,
                               &call->wait_ms);
    if (err == ERR_LIMITED) return fail(call->task, err, "too many mails were asked for; wait");
    TRY(err);
    TRY(link_ask(call->access, &call->tenant, purpose, is_text ? email : S(""), call->address));
    reply_empty(call, 202);
    return ERR_NONE;
}

enum err passwords_ask_reset(struct call *call)
{
    return ask(call, LINK_RESET);
}

enum err passwords_ask_session(struct call *call)
{
    if (call->tenant.door != DOOR_PORTAL)
        return fail(call->task, ERR_MISSING, "who works here signs in by password");
    return ask(call, LINK_SIGN_IN);
}

static enum err set_by_link(struct call *call, bool is_invitation)
{
    struct sign_in_given given = given_from(call);
    given_only(call, "token, password, code");
    given_text(call, S("token"), true, &given.token);
    given_text(call, S("password"), true, &given.password);
    given_text(call, S("code"), false, &given.code);
    TRY(task_faults(call->task));
    enum err err =
        password_by_link(call->task, call->access, &call->tenant.space, is_invitation, &given);
    TRY(session_tell_wrong(call, err, S("")));
    reply_empty(call, 204);
    return ERR_NONE;
}

enum err passwords_set(struct call *call)
{
    return set_by_link(call, false);
}

enum err invitations_accept(struct call *call)
{
    return set_by_link(call, true);
}

/* Invitations. */

static enum err find_user(struct call *call, struct account *account_out)
{
    enum err err = account_read(call->txn, call->access, (struct subject){DOOR_STAFF, call->record},
                                account_out);
    return err == ERR_MISSING ? fail(call->task, err, "there is no such user") : err;
}

enum err invitations_send(struct call *call)
{
    struct account account;
    TRY(rights_cover_user(call, call->record));
    TRY(find_user(call, &account));
    if (account.is_disabled)
        return fail(call->task, ERR_CONFLICT,
                    "this user is disabled and cannot be invited: set `disabled` to false first");
    struct subject subject = account.subject;
    note(call, AUDIT_INVITED, subject, S(""));
    TRY(find_user(call, &account));
    TRY(link_send(call->txn, call->access, &call->tenant, &account, LINK_INVITATION));
    reply_empty(call, 202);
    return ERR_NONE;
}

enum err invitations_revoke(struct call *call)
{
    TRY(rights_cover_user(call, call->record));
    enum err err = link_revoke(call->txn, call->record, LINK_INVITATION);
    if (err == ERR_MISSING) return fail(call->task, err, "no invitation is open");
    TRY(err);
    note(call, AUDIT_INVITED, (struct subject){DOOR_STAFF, call->record}, S("revoked"));
    reply_empty(call, 204);
    return ERR_NONE;
}

/* One-time codes. */

enum err totp_make(struct call *call)
{
    str base32;
    struct buf json = reply_buf(call);
    TRY(rights_cover_own(call));
    TRY(totp_begin(call->txn, call->identity.user, &base32));
    buf_put(&json, S("{\"secret\":"));
    json_write_text(&json, base32);
    buf_put(&json, S(",\"uri\":"));
    json_write_text(&json,
                    totp_uri(call->task->arena, call->tenant.title, call->identity.email, base32));
    buf_put_byte(&json, '}');
    return reply_json(call, 200, &json);
}

struct confirming {
    struct work work;
    struct call *call;
    str code;
    struct totp_secret made;
};

static enum err confirm_run(struct work *work, struct txn *txn)
{
    struct confirming *self = (struct confirming *)work;
    struct call *call = self->call;
    txn_set_task(txn, call->task);
    call->txn = txn;
    enum err err = rights_again(call); /* the session may have ended while this waited */
    if (err == ERR_NONE) err = totp_confirm(txn, call->identity.user, self->code, &self->made);
    if (err == ERR_NONE) note(call, AUDIT_TOTP_CHANGED, identity_subject(&call->identity), S("on"));
    call->txn = nullptr;
    return err;
}

enum err totp_make_active(struct call *call)
{
    struct confirming self = {.call = call};
    given_only(call, "code");
    given_text(call, S("code"), true, &self.code);
    TRY(task_faults(call->task));
    self.work = (struct work){.run = confirm_run, .arena = call->task->arena};
    enum err err = store_write(call->access->store, &call->tenant.space, &self.work);
    if (err == ERR_UNAUTHENTICATED && str_eq(call->task->fault.type, S("code_wrong"))) {
        call->job.wrong = WRONG_CODE;
        call->task->fault = (struct fault){};
        task_fault(call->task, S("code"), S("wrong"), "is not the code of now");
        return task_faults(call->task);
    }
    TRY(err);
    struct buf json = reply_buf(call);
    buf_put(&json, S("{\"recovery_codes\":["));
    for (uint32_t at = 0; at < RECOVERY_CODES; at++) {
        if (at > 0) buf_put_byte(&json, ',');
        json_write_text(&json, self.made.recovery[at]);
    }
    buf_put(&json, S("]}"));
    return reply_json(call, 200, &json);
}

enum err totp_drop(struct call *call)
{
    TRY(rights_cover_own(call));
    totp_end(call->txn, call->identity.user);
    note(call, AUDIT_TOTP_CHANGED, identity_subject(&call->identity), S("off"));
    reply_empty(call, 204);
    return ERR_NONE;
}
