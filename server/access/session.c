#include "access/session.h"

#include "access/credential.h"
#include "access/password.h"
#include "access/user.h"
#include "base/log.h"
#include "base/require.h"
#include "store/sweep.h"
#include "value/value.h"

constexpr int64_t SEEN_EVERY_MS = 60'000; /** the last use is written this often at most */
constexpr uint32_t SESSIONS_SWEPT = 16;   /** rows looked at, when one is made, for ended ones */
constexpr uint32_t SESSIONS_WALKED_MAX = 1'000'000; /** of one tenant */
constexpr size_t SESSION_ROW_BYTES_MAX = 64;

enum session_key : uint8_t { SESSION_USER = 1, SESSION_MADE = 2, SESSION_SEEN = 3 };

struct session_row {
    struct id user;
    int64_t made_ms;
    int64_t seen_ms;
};

static bool session_row_read(str row, struct session_row *session_out)
{
    struct value user, made, seen;
    if (!value_find(row, SESSION_USER, &user) || user.kind != VALUE_BYTES) return false;
    if (!value_find(row, SESSION_MADE, &made) || made.kind != VALUE_INT) return false;
    if (!value_find(row, SESSION_SEEN, &seen) || seen.kind != VALUE_INT) return false;
    session_out->made_ms = made.integer;
    session_out->seen_ms = seen.integer;
    return id_of_bytes(user.text, &session_out->user);
}

static void session_row_put(struct txn *txn, str hash, const struct session_row *session)
{
    struct buf row = buf_make(txn_task(txn)->arena, SESSION_ROW_BYTES_MAX);
    pack_map(&row, 3);
    pack_int(&row, SESSION_USER);
    pack_bytes(&row, id_bytes(&session->user));
    pack_int(&row, SESSION_MADE);
    pack_int(&row, session->made_ms);
    pack_int(&row, SESSION_SEEN);
    pack_int(&row, session->seen_ms);
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_SESSION, hash, buf_str(&row));
}

static bool session_is_live(const struct session_row *session, int64_t now_ms)
{
    return now_ms - session->made_ms < SESSION_AGE_MS_MAX &&
           now_ms - session->seen_ms < SESSION_IDLE_MS_MAX;
}

/** Not kept anywhere: it follows from the cookie's value, which comes with each request. */
static str csrf_of(struct arena *arena, str token)
{
    struct hash hash = credential_hash(S("csrf"), token);
    return base64url_write(arena, hash_bytes(&hash));
}

enum err session_identify(struct txn *txn, const struct access *access, str token_hash,
                          struct identity *identity_out)
{
    struct task *task = txn_task(txn);
    str row;
    enum err err = txn_system_get(txn, SYSTEM_SESSION, token_hash, task->arena, &row);
    if (err == ERR_MISSING) return ERR_UNAUTHENTICATED;
    TRY(err);
    struct session_row session;
    if (!session_row_read(row, &session)) return ERR_CORRUPT;
    if (!session_is_live(&session, task->now_ms)) return ERR_UNAUTHENTICATED;
    *identity_out = (struct identity){.credential = CREDENTIAL_SESSION};
    TRY(user_identify(txn, access, session.user, identity_out));
    identity_out->token_hash = arena_copy(task->arena, token_hash);
    identity_out->seen_at_ms = session.seen_ms;
    return ERR_NONE;
}

enum err identity_of_session(struct txn *txn, const struct access *access, str token,
                             struct identity *identity_out)
{
    if (token.len == 0 || token.len > TOKEN_TEXT_BYTES_MAX) return ERR_UNAUTHENTICATED;
    struct hash hash = credential_hash(S("session"), token);
    TRY(session_identify(txn, access, hash_bytes(&hash), identity_out));
    identity_out->csrf = csrf_of(txn_task(txn)->arena, token);
    return ERR_NONE;
}

/* Making one. */

struct sign_in_work {
    struct work work;
    struct task *task;
    const struct access *access;
    struct id user;
    str password_hash; /** that the password was checked against */
    str token;
    struct identity *identity;
};

/** Deletes ended sessions among some behind a random place, so that they do not pile up. */
static enum err sessions_sweep(struct txn *txn, str from)
{
    struct task *task = txn_task(txn);
    str key = from, row;
    for (uint32_t seen = 0; seen < SESSIONS_SWEPT; seen++) {
        enum err err = txn_system_after(txn, SYSTEM_SESSION, key, task->arena, &key, &row);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        struct session_row session;
        if (session_row_read(row, &session) && !session_is_live(&session, task->now_ms))
            txn_system_delete(txn, SYSTEM_SESSION, key);
    }
    return ERR_NONE;
}

/** The password was checked against a snapshot; in the lane it must still be the same. */
static enum err sign_in_run(struct work *work, struct txn *txn)
{
    struct sign_in_work *self = (struct sign_in_work *)work;
    struct task *task = self->task;
    txn_set_task(txn, task);
    str password_hash;
    enum err err = password_row_get(txn, self->user, &password_hash);
    if (err == ERR_MISSING || (err == ERR_NONE && !str_eq(password_hash, self->password_hash)))
        return fail(task, ERR_UNAUTHENTICATED, "the password was changed just now");
    TRY(err);
    struct hash hash = credential_hash(S("session"), self->token);
    struct session_row session = {self->user, task->now_ms, task->now_ms};
    session_row_put(txn, hash_bytes(&hash), &session);
    TRY(sessions_sweep(txn, hash_bytes(&hash)));
    TRY(identity_of_session(txn, self->access, self->token, self->identity));
    identity_keep(task->arena, self->identity);
    return ERR_NONE;
}

/** The user and the hash to check against; for an unknown or disabled user the hash of nobody. */
static enum err sign_in_look_up(struct task *task, const struct access *access,
                                const struct space *space, str email, struct id *user_out,
                                str *hash_out)
{
    *hash_out = password_hash_of_nobody();
    *user_out = (struct id){};
    struct txn *txn;
    TRY(txn_open(task, space, &txn));
    struct user_row user;
    enum err err = user_find(task, txn, access, email, &user);
    if (err == ERR_NONE && !user.is_disabled) {
        err = password_row_get(txn, user.id, hash_out);
        if (err == ERR_NONE) *user_out = user.id;
    }
    txn_close(txn);
    return err == ERR_MISSING ? ERR_NONE : err;
}

enum err session_create(struct task *task, const struct access *access, const struct space *space,
                        str email, str password, struct session_new *session_out)
{
    struct id user;
    str hash;
    TRY(sign_in_look_up(task, access, space, email, &user, &hash));
    bool is_right = false;
    str bounded = password.len > PASSWORD_BYTES_MAX ? S("") : password;
    TRY(password_verify(bounded, hash, &is_right));
    if (!is_right || id_is_nil(user))
        return fail(task, ERR_UNAUTHENTICATED, "the e-mail address or the password is wrong");
    *session_out = (struct session_new){.token = credential_make(task->arena, S(""))};
    struct sign_in_work self = {
        .work = {.run = sign_in_run, .arena = task->arena},
        .task = task,
        .access = access,
        .user = user,
        .password_hash = hash,
        .token = session_out->token,
        .identity = &session_out->identity,
    };
    return store_write(access->store, space, &self.work);
}

/* Ending. */

struct session_end_work {
    struct work work;
    struct task *task;
    str hash;
};

static enum err session_end_run(struct work *work, struct txn *txn)
{
    struct session_end_work *self = (struct session_end_work *)work;
    txn_set_task(txn, self->task);
    txn_system_delete(txn, SYSTEM_SESSION, self->hash);
    return ERR_NONE;
}

enum err session_end(struct task *task, const struct access *access, const struct space *space,
                     str token_hash)
{
    require(token_hash.len == HASH_BYTES);
    struct session_end_work self = {
        .work = {.run = session_end_run, .arena = task->arena},
        .task = task,
        .hash = token_hash,
    };
    return store_write(access->store, space, &self.work);
}

enum err session_end_all(struct txn *txn, struct id user)
{
    struct task *task = txn_task(txn);
    str key = S(""), row;
    for (uint32_t walked = 0; walked < SESSIONS_WALKED_MAX; walked++) {
        enum err err = txn_system_after(txn, SYSTEM_SESSION, key, task->arena, &key, &row);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        struct session_row session;
        if (session_row_read(row, &session) && id_eq(session.user, user))
            txn_system_delete(txn, SYSTEM_SESSION, key);
    }
    return fail(task, ERR_TOO_LARGE, "this firm has too many sessions");
}

static bool session_row_is_over(str row, int64_t now_ms)
{
    struct session_row session;
    return session_row_read(row, &session) && !session_is_live(&session, now_ms);
}

enum err session_upkeep(struct task *task, const struct access *access, const struct space *space)
{
    require(access != nullptr);
    uint64_t deleted;
    return system_sweep(task, space, SYSTEM_SESSION, session_row_is_over, &deleted);
}

/* Last use. */

bool session_is_stale(const struct identity *identity, int64_t now_ms)
{
    return identity->credential == CREDENTIAL_SESSION &&
           now_ms - identity->seen_at_ms >= SEEN_EVERY_MS;
}

/** Lives on its own, since the request that caused it does not wait for it. */
struct touch_work {
    struct work work;
    struct arena arena;
    struct task task;
    char hash[HASH_BYTES];
};

static enum err touch_run(struct work *work, struct txn *txn)
{
    struct touch_work *self = (struct touch_work *)work;
    txn_set_task(txn, &self->task);
    str hash = {self->hash, sizeof self->hash}, row;
    TRY(txn_system_get(txn, SYSTEM_SESSION, hash, &self->arena, &row));
    struct session_row session;
    if (!session_row_read(row, &session)) return ERR_CORRUPT;
    if (self->task.now_ms - session.seen_ms < SEEN_EVERY_MS) return ERR_NONE;
    session.seen_ms = self->task.now_ms;
    session_row_put(txn, hash, &session);
    return ERR_NONE;
}

static void touch_drop(struct touch_work *self)
{
    arena_drop(&self->arena);
    memory_give(self);
}

static void touch_done(struct work *work, enum err err)
{
    if (err != ERR_NONE && err != ERR_MISSING)
        log_warning("session", "the last use of a session was not written: %.*s",
                    FMT(err_title(err)));
    touch_drop((struct touch_work *)work);
}

void session_touch(const struct access *access, const struct space *space,
                   const struct identity *identity, int64_t now_ms)
{
    require(identity->token_hash.len == HASH_BYTES);
    struct touch_work *self = memory_take(sizeof *self);
    arena_init(&self->arena, ARENA_BLOCK_BYTES);
    task_init(&self->task, &self->arena);
    self->task.now_ms = now_ms;
    self->work = (struct work){.run = touch_run, .done = touch_done, .arena = &self->arena};
    memcpy(self->hash, identity->token_hash.at, HASH_BYTES);
    /* A full lane is no reason to refuse a read: the next request tries again. */
    if (store_submit(access->store, space, &self->work) != ERR_NONE) touch_drop(self);
}
