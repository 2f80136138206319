/* Signing in, and giving the password again: what is checked on the hashing thread, and the session
 * that is then made in the lane. */
#include "access/credential.h"
#include "access/door.h"
#include "access/password.h"
#include "access/portal.h"
#include "access/session.h"
#include "base/require.h"

/** What a password is checked against. */
struct entrance {
    struct subject subject; /** nil: nobody who may enter */
    str role;
    str hash; /** of nobody's password, when there is none */
};

struct enter_work {
    struct work work;
    struct task *task;
    const struct access *access;
    const struct entrance *entrance;
    const struct sign_in_given *given; /** of a new session */
    str old_hash;                      /** of one that is proven again */
    struct session_new *made;
};

static str entrance_refused(void)
{
    return S("the e-mail address or the password is wrong");
}

/** For whoever is unknown, disabled or without a password: the hash of nobody. */
static enum err entrance_of(struct txn *txn, const struct account *account,
                            struct entrance *entrance_out)
{
    if (account->is_disabled) return ERR_MISSING;
    TRY(password_row_get(txn, account->subject.id, &entrance_out->hash));
    entrance_out->subject = account->subject;
    entrance_out->role = arena_copy(txn_task(txn)->arena, account->role);
    return ERR_NONE;
}

static enum err entrance_find(struct task *task, const struct access *access,
                              const struct space *space, const struct sign_in_given *given,
                              struct entrance *entrance_out)
{
    *entrance_out = (struct entrance){.hash = password_hash_of_nobody()};
    struct account account;
    struct txn *txn;
    TRY(txn_open(task, space, &txn));
    enum err err = account_find(task, txn, access, given->door, given->email, &account);
    if (err == ERR_NONE) err = entrance_of(txn, &account, entrance_out);
    txn_close(txn);
    return err == ERR_MISSING ? ERR_NONE : err;
}

static enum err entrance_again(struct task *task, const struct access *access,
                               const struct space *space, const struct identity *identity,
                               struct entrance *entrance_out)
{
    *entrance_out = (struct entrance){.hash = password_hash_of_nobody()};
    struct account account;
    struct txn *txn;
    TRY(txn_open(task, space, &txn));
    enum err err = account_read(txn, access, identity_subject(identity), &account);
    if (err == ERR_NONE) err = entrance_of(txn, &account, entrance_out);
    txn_close(txn);
    return err == ERR_MISSING ? ERR_NONE : err;
}

static enum err entrance_check(struct task *task, const struct entrance *entrance, str password)
{
    bool is_right = false;
    TRY(password_check(task, password, entrance->hash, &is_right));
    if (is_right && !id_is_nil(entrance->subject.id)) return ERR_NONE;
    return fail(task, ERR_UNAUTHENTICATED, "%.*s", FMT(entrance_refused()));
}

/** The password was checked against a snapshot; in the lane it must still be the same. */
static enum err entrance_verify(struct txn *txn, const struct entrance *entrance)
{
    str hash;
    enum err err = password_row_get(txn, entrance->subject.id, &hash);
    if (err == ERR_MISSING || (err == ERR_NONE && !str_eq(hash, entrance->hash)))
        return fail(txn_task(txn), ERR_UNAUTHENTICATED, "the password was changed just now");
    return err;
}

static enum err enter_run(struct work *work, struct txn *txn)
{
    struct enter_work *self = (struct enter_work *)work;
    struct task *task = self->task;
    struct session_new *made = self->made;
    txn_set_task(txn, task);
    TRY(entrance_verify(txn, self->entrance));
    struct hash hash = credential_hash(S("session"), made->token);
    if (self->given == nullptr) {
        TRY(session_row_move(txn, self->access, self->old_hash, hash_bytes(&hash)));
    } else {
        const struct session_row session = {
            .subject = self->entrance->subject,
            .id = id_make(),
            .made_ms = task->now_ms,
            .seen_ms = task->now_ms,
            .proven_ms = task->now_ms,
            .address = self->given->address,
            .user_agent = self->given->user_agent,
            .role = self->entrance->role,
        };
        TRY(session_row_add(txn, self->access, hash_bytes(&hash), &session));
        if (session.subject.door == DOOR_PORTAL)
            TRY(portal_entered(txn, self->access, session.subject.id));
    }
    TRY(identity_of_session(txn, self->access, self->entrance->subject.door, made->token,
                            &made->identity));
    identity_keep(task->arena, &made->identity);
    return ERR_NONE;
}

static enum err enter(const struct space *space, struct enter_work *self)
{
    struct task *task = self->task;
    *self->made = (struct session_new){.token = credential_make(task->arena, S(""))};
    self->work = (struct work){.run = enter_run, .arena = task->arena};
    return store_write(self->access->store, space, &self->work);
}

enum err session_create(struct task *task, const struct access *access, const struct space *space,
                        const struct sign_in_given *given, struct session_new *session_out)
{
    struct entrance entrance;
    TRY(entrance_find(task, access, space, given, &entrance));
    TRY(entrance_check(task, &entrance, given->password));
    struct enter_work self = {
        .task = task, .access = access, .entrance = &entrance, .given = given, .made = session_out};
    return enter(space, &self);
}

enum err session_prove(struct task *task, const struct access *access, const struct space *space,
                       const struct identity *identity, str password,
                       struct session_new *session_out)
{
    require(identity->credential == CREDENTIAL_SESSION);
    struct entrance entrance;
    TRY(entrance_again(task, access, space, identity, &entrance));
    TRY(entrance_check(task, &entrance, password));
    struct enter_work self = {.task = task,
                              .access = access,
                              .entrance = &entrance,
                              .old_hash = identity->token_hash,
                              .made = session_out};
    return enter(space, &self);
}
