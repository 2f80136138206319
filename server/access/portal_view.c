#include "access/portal_view.h"

#include "access/audit.h"
#include "access/credential.h"
#include "access/link.h"
#include "access/portal.h"
#include "access/session.h"
#include "base/require.h"

enum err portal_view_offer(struct txn *txn, const struct access *access,
                           const struct tenant *tenant, struct id id, struct id viewer,
                           str *address_out)
{
    struct arena *arena = txn_task(txn)->arena;
    struct account account;
    str token;
    TRY(account_read(txn, access, (struct subject){DOOR_PORTAL, id}, &account));
    if (account.is_disabled)
        return fail(txn_task(txn), ERR_CONFLICT, "this account is disabled: it sees nothing");
    account.email = arena_copy(arena, account.email);
    account.role = arena_copy(arena, account.role);
    TRY(link_view_make(txn, &account, viewer, &token));
    str host = door_address(arena, access, tenant->name, DOOR_PORTAL);
    /* Behind the #, so that it stands in no log and no Referer. */
    *address_out = arena_print(arena, "%.*s/#/view/%.*s", FMT(host), FMT(token));
    return ERR_NONE;
}

enum err portal_view_begin(struct txn *txn, const struct access *access,
                           const struct sign_in_given *given, struct session_new *session_out)
{
    struct task *task = txn_task(txn);
    struct account account;
    struct portal_note note = {.until_ms = task->now_ms + PORTAL_VIEW_MS};
    TRY(link_view_take(txn, access, given->token, &account, &note.viewer));
    *session_out = (struct session_new){.token = credential_make(task->arena, S(""))};
    struct hash hash = credential_hash(S("session"), session_out->token);
    /* Nothing was proven: what needs a password is refused. */
    const struct session_row session = {
        .subject = account.subject,
        .id = id_make(),
        .made_ms = task->now_ms,
        .seen_ms = task->now_ms,
        .address = given->address,
        .user_agent = given->user_agent,
        .role = account.role,
        .note = portal_note_write(task->arena, &note),
    };
    TRY(session_row_add(txn, access, hash_bytes(&hash), &session));
    TRY(identity_of_session(txn, access, DOOR_PORTAL, session_out->token, &session_out->identity));
    identity_keep(task->arena, &session_out->identity);
    struct audit_event event = audit_of(&session_out->identity, AUDIT_VIEWED_AS, given->address);
    event.entity = PORTAL_ACCOUNT_ENTITY;
    event.record = account.subject.id;
    audit_put(txn, &event);
    return ERR_NONE;
}
