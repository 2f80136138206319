/* Signing in, giving the password again, and another password: what is checked on the hashing
 * thread, and what is then done in the lane. */
#include "access/audit.h"
#include "access/credential.h"
#include "access/door.h"
#include "access/link.h"
#include "access/password.h"
#include "access/portal.h"
#include "access/session.h"
#include "access/totp.h"
#include "base/require.h"

/** What a password is checked against. */
struct entrance {
    struct subject subject; /** id nil: nobody who may enter */
    str email, role;
    str hash;                  /** of nobody's password, when there is none */
    str new_hash;              /** to be put in its place; or empty */
    enum link_purpose purpose; /** 0: by password; else by the link that was given */
};

struct enter_work {
    struct work work;
    struct task *task;
    const struct access *access;
    const struct space *space;
    struct entrance entrance;
    const struct sign_in_given *given;
    const struct identity
        *identity;            /** of a session that goes on under another token; or nullptr */
    struct session_new *made; /** nullptr: no session is made */
    enum audit_kind kind;     /** of the event that tells of it */
    bool is_new_password;
};

/* On the hashing thread. */

/** For whoever is unknown, disabled or without a password: the hash of nobody. */
static enum err entrance_read(struct txn *txn, const struct account *account,
                              struct entrance *entrance_out)
{
    struct arena *arena = txn_task(txn)->arena;
    if (account->is_disabled) return ERR_MISSING;
    if (entrance_out->purpose == 0)
        TRY(password_row_get(txn, account->subject.id, &entrance_out->hash));
    entrance_out->subject = account->subject;
    entrance_out->email = arena_copy(arena, account->email);
    entrance_out->role = arena_copy(arena, account->role);
    return ERR_NONE;
}

static enum err account_meant(struct enter_work *self, struct txn *txn, struct account *account_out)
{
    const struct sign_in_given *given = self->given;
    if (self->identity != nullptr)
        return account_read(txn, self->access, identity_subject(self->identity), account_out);
    if (self->entrance.purpose != 0)
        return link_read(txn, self->access, given->door, self->entrance.purpose, given->token,
                         account_out);
    return account_find(self->task, txn, self->access, given->door, given->email, account_out);
}

static enum err entrance_find(struct enter_work *self)
{
    self->entrance.hash = password_hash_of_nobody();
    struct account account;
    struct txn *txn;
    TRY(txn_open(self->task, self->space, &txn));
    enum err err = account_meant(self, txn, &account);
    if (err == ERR_NONE) err = entrance_read(txn, &account, &self->entrance);
    txn_close(txn);
    return err == ERR_MISSING ? ERR_NONE : err;
}

/** A try that failed, in the log of its tenant: with whose account it was, where there is one. */
static enum err entrance_refuse(struct enter_work *self)
{
    struct subject subject = self->entrance.subject;
    bool is_known = !id_is_nil(subject.id);
    audit_submit(self->access, self->space, self->task->request_id,
                 &(struct audit_event){
                     .kind = AUDIT_SIGN_IN_REFUSED,
                     .actor = subject.id,
                     .entity = is_known ? door_entity(subject.door) : AUDIT_ENTITY,
                     .record = subject.id,
                     .address = self->given->address,
                 });
    return fail(self->task, ERR_UNAUTHENTICATED, "the e-mail address or the password is wrong");
}

static enum err entrance_check(struct enter_work *self)
{
    struct entrance *entrance = &self->entrance;
    bool is_right = false;
    TRY(password_check(self->task, self->given->password, entrance->hash, &is_right));
    if (!is_right || id_is_nil(entrance->subject.id)) return entrance_refuse(self);
    if (!password_is_old(entrance->hash)) return ERR_NONE;
    char *hash = arena_take_raw(self->task->arena, PASSWORD_HASH_BYTES_MAX);
    TRY(password_make_hash(self->task, self->given->password, hash));
    entrance->new_hash = str_of(hash);
    return ERR_NONE;
}

/** A password that is about to be set, judged and hashed. */
static enum err entrance_renew(struct enter_work *self, str field, str password)
{
    struct entrance *entrance = &self->entrance;
    const struct password_owner owner = {.email = entrance->email};
    password_judge(self->task, field, password, &owner);
    TRY(task_faults(self->task));
    char *hash = arena_take_raw(self->task->arena, PASSWORD_HASH_BYTES_MAX);
    TRY(password_make_hash(self->task, password, hash));
    entrance->new_hash = str_of(hash);
    self->is_new_password = true;
    return ERR_NONE;
}

/* In the lane. */

/** What was checked against a snapshot must still be so; a link is used up. */
static enum err entrance_verify(struct enter_work *self, struct txn *txn)
{
    const struct entrance *entrance = &self->entrance;
    struct account account;
    if (entrance->purpose != 0)
        return link_take(txn, self->access, self->given->door, entrance->purpose,
                         self->given->token, &account);
    str hash;
    enum err err = password_row_get(txn, entrance->subject.id, &hash);
    if (err == ERR_MISSING || (err == ERR_NONE && !str_eq(hash, entrance->hash)))
        return fail(self->task, ERR_UNAUTHENTICATED, "the password was changed just now");
    return err;
}

static enum err password_replace(struct enter_work *self, struct txn *txn)
{
    struct id subject = self->entrance.subject.id, but = {};
    if (self->entrance.new_hash.len > 0) password_row_put(txn, subject, self->entrance.new_hash);
    if (!self->is_new_password) return ERR_NONE;
    if (self->identity != nullptr) but = self->identity->session;
    TRY(links_revoke(txn, subject));
    return sessions_end(txn, subject, but);
}

static enum err session_begin(struct enter_work *self, struct txn *txn)
{
    struct session_new *made = self->made;
    const struct entrance *entrance = &self->entrance;
    struct hash hash = credential_hash(S("session"), made->token);
    if (self->identity != nullptr) {
        TRY(session_row_move(txn, self->access, self->identity->token_hash, hash_bytes(&hash)));
    } else {
        const struct session_row session = {
            .subject = entrance->subject,
            .id = id_make(),
            .made_ms = self->task->now_ms,
            .seen_ms = self->task->now_ms,
            .proven_ms = self->task->now_ms,
            .address = self->given->address,
            .user_agent = self->given->user_agent,
            .role = entrance->role,
        };
        TRY(session_row_add(txn, self->access, hash_bytes(&hash), &session));
        if (session.subject.door == DOOR_PORTAL)
            TRY(portal_entered(txn, self->access, session.subject.id));
    }
    TRY(identity_of_session(txn, self->access, entrance->subject.door, made->token,
                            &made->identity));
    identity_keep(self->task->arena, &made->identity);
    return ERR_NONE;
}

static enum err enter_run(struct work *work, struct txn *txn)
{
    struct enter_work *self = (struct enter_work *)work;
    struct subject subject = self->entrance.subject;
    txn_set_task(txn, self->task);
    TRY(entrance_verify(self, txn));
    TRY(totp_take(txn, subject.id, self->given->code));
    TRY(password_replace(self, txn));
    struct identity identity = {.door = subject.door, .user = subject.id};
    if (self->made != nullptr) {
        TRY(session_begin(self, txn));
        identity = self->made->identity;
    }
    struct audit_event event = audit_of(&identity, self->kind, self->given->address);
    event.entity = door_entity(subject.door);
    event.record = subject.id;
    if (id_is_nil(event.actor)) event.actor = subject.id;
    audit_put(txn, &event);
    return ERR_NONE;
}

/** A wrong code is a refused try as a wrong password is. */
static enum err enter(struct enter_work *self)
{
    struct task *task = self->task;
    if (self->made != nullptr)
        *self->made = (struct session_new){.token = credential_make(task->arena, S(""))};
    self->work = (struct work){.run = enter_run, .arena = task->arena};
    enum err err = store_write(self->access->store, self->space, &self->work);
    bool is_wrong_code = err == ERR_UNAUTHENTICATED && str_eq(task->fault.type, S("code_wrong"));
    return is_wrong_code ? entrance_refuse(self) : err;
}

/* What is asked from outside. */

static struct enter_work work_of(struct task *task, const struct access *access,
                                 const struct space *space, const struct sign_in_given *given,
                                 enum audit_kind kind)
{
    return (struct enter_work){
        .task = task, .access = access, .space = space, .given = given, .kind = kind};
}

/** Whoever has a session gives the password again, and gets another one for it. */
static enum err entrance_prove(struct enter_work *self, const struct identity *identity,
                               struct session_new *session_out)
{
    require(identity->credential == CREDENTIAL_SESSION);
    self->identity = identity;
    self->made = session_out;
    TRY(entrance_find(self));
    return entrance_check(self);
}

enum err session_create(struct task *task, const struct access *access, const struct space *space,
                        const struct sign_in_given *given, struct session_new *session_out)
{
    struct enter_work self = work_of(task, access, space, given, AUDIT_SIGN_IN);
    self.entrance.purpose = given->token.len > 0 ? LINK_SIGN_IN : 0;
    self.made = session_out;
    TRY(entrance_find(&self));
    if (self.entrance.purpose == 0) TRY(entrance_check(&self));
    return enter(&self);
}

enum err session_prove(struct task *task, const struct access *access, const struct space *space,
                       const struct identity *identity, const struct sign_in_given *given,
                       struct session_new *session_out)
{
    struct enter_work self = work_of(task, access, space, given, AUDIT_PROVEN);
    TRY(entrance_prove(&self, identity, session_out));
    return enter(&self);
}

enum err password_change(struct task *task, const struct access *access, const struct space *space,
                         const struct identity *identity, const struct sign_in_given *given,
                         struct session_new *session_out)
{
    struct enter_work self = work_of(task, access, space, given, AUDIT_PASSWORD_CHANGED);
    TRY(entrance_prove(&self, identity, session_out));
    TRY(entrance_renew(&self, S("new"), given->new_password));
    return enter(&self);
}

enum err password_by_link(struct task *task, const struct access *access, const struct space *space,
                          bool is_invitation, const struct sign_in_given *given)
{
    struct enter_work self =
        work_of(task, access, space, given,
                is_invitation ? AUDIT_INVITATION_TAKEN : AUDIT_PASSWORD_CHANGED);
    self.entrance.purpose = is_invitation ? LINK_INVITATION : LINK_RESET;
    TRY(entrance_find(&self));
    TRY(entrance_renew(&self, S("password"), given->password));
    return enter(&self);
}
