#include "access/session.h"

#include "access/audit.h"
#include "access/credential.h"
#include "access/door.h"
#include "access/token.h"
#include "base/fold.h"
#include "base/log.h"
#include "base/require.h"
#include "record/quota.h"
#include "store/sweep.h"
#include "value/value.h"

constexpr int64_t SEEN_EVERY_MS = 60'000; /** the last use is written this often at most */
constexpr uint32_t SESSIONS_SWEPT = 16;   /** rows looked at, when one is made, for ended ones */
constexpr size_t SESSION_ROW_BYTES_MAX = 1 * KIB;
constexpr size_t ID_BYTES = sizeof(struct id);

enum session_key : uint8_t {
    SESSION_SUBJECT = 1,
    SESSION_MADE,
    SESSION_SEEN,
    SESSION_DOOR,
    SESSION_PROVEN,
    SESSION_ADDRESS,
    SESSION_AGENT,
    SESSION_ID,
    SESSION_ROLE,
    SESSION_NOTE,
};
enum session_of_key : uint8_t { SESSION_OF_HASH = 1, SESSION_OF_MADE = 2 };

/* Rows. */

static bool session_row_read(str row, struct session_row *session_out)
{
    int64_t door;
    *session_out = (struct session_row){
        .address = value_text_at(row, SESSION_ADDRESS),
        .user_agent = value_text_at(row, SESSION_AGENT),
        .role = value_text_at(row, SESSION_ROLE),
    };
    struct value note;
    if (value_find(row, SESSION_NOTE, &note)) session_out->note = note.bytes;
    if (!value_int_at(row, SESSION_DOOR, &door) || (door != DOOR_STAFF && door != DOOR_PORTAL))
        return false;
    session_out->subject.door = (enum door)door;
    return value_id_at(row, SESSION_SUBJECT, &session_out->subject.id) &&
           value_id_at(row, SESSION_ID, &session_out->id) &&
           value_int_at(row, SESSION_MADE, &session_out->made_ms) &&
           value_int_at(row, SESSION_SEEN, &session_out->seen_ms) &&
           value_int_at(row, SESSION_PROVEN, &session_out->proven_ms);
}

static void pack_int_at(struct buf *row, uint8_t key, int64_t number)
{
    pack_int(row, key);
    pack_int(row, number);
}

static void pack_text_at(struct buf *row, uint8_t key, str text, size_t bytes_max)
{
    pack_int(row, key);
    pack_text(row, utf8_is_valid(text) ? utf8_first(text, bytes_max) : S(""));
}

static void session_row_put(struct txn *txn, str hash, const struct session_row *session)
{
    struct buf row = buf_make(txn_task(txn)->arena, SESSION_ROW_BYTES_MAX);
    pack_map(&row, session->note.len > 0 ? 10 : 9);
    pack_int(&row, SESSION_SUBJECT);
    pack_bytes(&row, id_bytes(&session->subject.id));
    pack_int_at(&row, SESSION_MADE, session->made_ms);
    pack_int_at(&row, SESSION_SEEN, session->seen_ms);
    pack_int_at(&row, SESSION_DOOR, session->subject.door);
    pack_int_at(&row, SESSION_PROVEN, session->proven_ms);
    pack_text_at(&row, SESSION_ADDRESS, session->address, SESSION_ADDRESS_BYTES_MAX);
    pack_text_at(&row, SESSION_AGENT, session->user_agent, SESSION_AGENT_BYTES_MAX);
    pack_int(&row, SESSION_ID);
    pack_bytes(&row, id_bytes(&session->id));
    pack_text_at(&row, SESSION_ROLE, session->role, SESSION_AGENT_BYTES_MAX);
    if (session->note.len > 0) {
        pack_int(&row, SESSION_NOTE);
        pack_raw(&row, session->note);
    }
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_SESSION, hash, buf_str(&row));
}

struct session_of {
    char bytes[2 * ID_BYTES];
};

static struct session_of session_of(struct id subject, struct id session)
{
    struct session_of key;
    memcpy(key.bytes, subject.bytes, ID_BYTES);
    memcpy(key.bytes + ID_BYTES, session.bytes, ID_BYTES);
    return key;
}

static str session_of_str(const struct session_of *key)
{
    return (str){key->bytes, sizeof key->bytes};
}

static void session_of_put(struct txn *txn, const struct session_row *session, str hash)
{
    struct session_of key = session_of(session->subject.id, session->id);
    struct buf row = buf_make(txn_task(txn)->arena, SESSION_ROW_BYTES_MAX);
    pack_map(&row, 2);
    pack_int(&row, SESSION_OF_HASH);
    pack_bytes(&row, hash);
    pack_int_at(&row, SESSION_OF_MADE, session->made_ms);
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_SESSION_OF, session_of_str(&key), buf_str(&row));
}

static void session_delete(struct txn *txn, const struct session_row *session, str hash)
{
    struct session_of key = session_of(session->subject.id, session->id);
    txn_system_delete(txn, SYSTEM_SESSION_OF, session_of_str(&key));
    txn_system_delete(txn, SYSTEM_SESSION, hash);
}

/* Life. */

int64_t session_age_ms(const struct access *access)
{
    int64_t set_ms = access->limits.session_age_ms;
    return set_ms > 0 && set_ms < SESSION_AGE_MS_MAX ? set_ms : SESSION_AGE_MS_MAX;
}

static int64_t session_idle_ms(const struct access *access)
{
    return access->limits.session_idle_ms > 0 ? access->limits.session_idle_ms : SESSION_IDLE_MS;
}

static bool session_is_live(const struct access *access, const struct session_row *session,
                            int64_t now_ms)
{
    return now_ms - session->made_ms < session_age_ms(access) &&
           now_ms - session->seen_ms < session_idle_ms(access);
}

/** Not kept anywhere: it follows from the cookie's value, which comes with each request. */
static str csrf_of(struct arena *arena, str token)
{
    struct hash hash = credential_hash(S("csrf"), token);
    return base64url_write(arena, hash_bytes(&hash));
}

/** A live session; ERR_UNAUTHENTICATED: there is none. What it gives lies in the task's arena. */
static enum err session_get(struct txn *txn, const struct access *access, str hash,
                            struct session_row *session_out)
{
    struct task *task = txn_task(txn);
    str row;
    enum err err = txn_system_get(txn, SYSTEM_SESSION, hash, task->arena, &row);
    if (err == ERR_MISSING) return ERR_UNAUTHENTICATED;
    TRY(err);
    if (!session_row_read(row, session_out)) return ERR_CORRUPT;
    return session_is_live(access, session_out, task->now_ms) ? ERR_NONE : ERR_UNAUTHENTICATED;
}

bool step_up_is_needed(const struct access *access, const struct identity *identity, int64_t now_ms)
{
    int64_t proof_ms = access->limits.proof_ms > 0 ? access->limits.proof_ms : PROOF_MS;
    if (identity->credential != CREDENTIAL_SESSION) return !identity->is_proof;
    return now_ms - identity->proven_at_ms >= proof_ms;
}

enum err step_up_refuse(struct task *task, bool is_session)
{
    task->fault.type = S("step_up");
    if (!is_session)
        return fail(task, ERR_FORBIDDEN,
                    "this needs a person who gives the password, or a token made for it");
    return fail(task, ERR_FORBIDDEN,
                "give your password again: POST /api/v1/session/proof {\"password\"}");
}

enum err session_identify(struct txn *txn, const struct access *access, str token_hash,
                          struct identity *identity_out)
{
    struct session_row session;
    TRY(session_get(txn, access, token_hash, &session));
    *identity_out = (struct identity){.credential = CREDENTIAL_SESSION};
    identity_out->note = arena_copy(txn_task(txn)->arena, session.note);
    TRY(subject_identify(txn, access, session.subject, identity_out));
    if (!str_eq(identity_out->role, session.role)) return ERR_UNAUTHENTICATED;
    identity_out->token_hash = arena_copy(txn_task(txn)->arena, token_hash);
    identity_out->session = session.id;
    identity_out->seen_at_ms = session.seen_ms;
    identity_out->proven_at_ms = session.proven_ms;
    identity_out->scope.is_proven = !step_up_is_needed(access, identity_out, txn_task(txn)->now_ms);
    return ERR_NONE;
}

enum err identity_of_session(struct txn *txn, const struct access *access, enum door door,
                             str token, struct identity *identity_out)
{
    if (token.len == 0 || token.len > TOKEN_TEXT_BYTES_MAX) return ERR_UNAUTHENTICATED;
    struct hash hash = credential_hash(S("session"), token);
    TRY(session_identify(txn, access, hash_bytes(&hash), identity_out));
    if (identity_out->door != door) return ERR_UNAUTHENTICATED;
    identity_out->csrf = csrf_of(txn_task(txn)->arena, token);
    return ERR_NONE;
}

/* Making one. */

/** Deletes ended sessions among some behind a random place, so that they do not pile up. */
static enum err sessions_sweep(struct txn *txn, const struct access *access, str from)
{
    struct task *task = txn_task(txn);
    str key = from, row;
    for (uint32_t seen = 0; seen < SESSIONS_SWEPT; seen++) {
        enum err err = txn_system_after(txn, SYSTEM_SESSION, key, task->arena, &key, &row);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        struct session_row session;
        if (!session_row_read(row, &session)) txn_system_delete(txn, SYSTEM_SESSION, key);
        else if (!session_is_live(access, &session, task->now_ms))
            session_delete(txn, &session, key);
    }
    return ERR_NONE;
}

/** The session behind one; ERR_MISSING at the end. Its row may be gone already. */
static enum err session_of_next(struct txn *txn, struct id subject, struct id after,
                                struct id *session_out, str *hash_out)
{
    struct session_of from = session_of(subject, after);
    str prefix = id_bytes(&subject), key, row;
    TRY(txn_system_after(txn, SYSTEM_SESSION_OF, session_of_str(&from), txn_task(txn)->arena, &key,
                         &row));
    if (!str_starts(key, prefix)) return ERR_MISSING;
    if (!id_of_bytes(str_from(key, prefix.len), session_out)) return ERR_CORRUPT;
    return value_bytes_at(row, SESSION_OF_HASH, hash_out) ? ERR_NONE : ERR_CORRUPT;
}

/** Makes room for one more. */
static enum err sessions_bound(struct txn *txn, struct id subject)
{
    struct id oldest = {}, after = {};
    str hash;
    for (uint32_t count = 0; count < SESSIONS_OF_SUBJECT_MAX; count++) {
        enum err err = session_of_next(txn, subject, after, &after, &hash);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        if (count == 0) oldest = after;
    }
    return session_end_one(txn, subject, oldest);
}

/** Where the firm has as many as it may, one's own oldest makes room; who has none waits. */
static enum err sessions_bound_firm(struct txn *txn, struct id subject)
{
    struct id oldest;
    str hash;
    enum err err = quota_take_row(txn, QUOTA_SESSIONS);
    if (err != ERR_LIMITED) return err;
    enum err found = session_of_next(txn, subject, (struct id){}, &oldest, &hash);
    if (found != ERR_NONE) return found == ERR_MISSING ? err : found;
    task_fault_clear(txn_task(txn));
    return session_end_one(txn, subject, oldest);
}

enum err session_row_add(struct txn *txn, const struct access *access, str token_hash,
                         const struct session_row *session)
{
    require(token_hash.len == HASH_BYTES && !id_is_nil(session->id));
    TRY(sessions_bound(txn, session->subject.id));
    TRY(sessions_sweep(txn, access, token_hash));
    TRY(sessions_bound_firm(txn, session->subject.id));
    session_row_put(txn, token_hash, session);
    session_of_put(txn, session, token_hash);
    return ERR_NONE;
}

enum err session_row_move(struct txn *txn, const struct access *access, str token_hash,
                          str new_hash)
{
    struct session_row session;
    TRY(session_get(txn, access, token_hash, &session));
    session.proven_ms = session.seen_ms = txn_task(txn)->now_ms;
    txn_system_delete(txn, SYSTEM_SESSION, token_hash);
    session_row_put(txn, new_hash, &session);
    session_of_put(txn, &session, new_hash);
    return ERR_NONE;
}

enum err session_note(struct txn *txn, const struct access *access, str token_hash, str note)
{
    struct session_row session;
    require(note.len <= SESSION_NOTE_BYTES_MAX);
    TRY(session_get(txn, access, token_hash, &session));
    session.note = note;
    session_row_put(txn, token_hash, &session);
    return ERR_NONE;
}

/* Telling and ending. */

enum err session_next(struct txn *txn, const struct access *access, struct id subject,
                      struct id after, struct session_row *session_out)
{
    for (uint32_t seen = 0; seen <= SESSIONS_OF_SUBJECT_MAX; seen++) {
        str hash;
        TRY(session_of_next(txn, subject, after, &after, &hash));
        enum err err = session_get(txn, access, hash, session_out);
        if (err != ERR_UNAUTHENTICATED) return err;
    }
    return ERR_MISSING;
}

enum err session_end_one(struct txn *txn, struct id subject, struct id session)
{
    struct session_of key = session_of(subject, session);
    str hash, row;
    TRY(txn_system_get(txn, SYSTEM_SESSION_OF, session_of_str(&key), txn_task(txn)->arena, &row));
    if (!value_bytes_at(row, SESSION_OF_HASH, &hash)) return ERR_CORRUPT;
    txn_system_delete(txn, SYSTEM_SESSION, hash);
    txn_system_delete(txn, SYSTEM_SESSION_OF, session_of_str(&key));
    return ERR_NONE;
}

enum err sessions_end(struct txn *txn, struct id subject, struct id but)
{
    struct id session = {};
    str hash;
    for (uint32_t ended = 0; ended <= SESSIONS_OF_SUBJECT_MAX; ended++) {
        enum err err = session_of_next(txn, subject, session, &session, &hash);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        if (!id_eq(session, but)) TRY(session_end_one(txn, subject, session));
    }
    return fail(txn_task(txn), ERR_CORRUPT, "somebody has more sessions than there may be");
}

struct session_end_work {
    struct work work;
    struct task *task;
    const struct identity *identity;
    str address;
};

static enum err session_end_run(struct work *work, struct txn *txn)
{
    struct session_end_work *self = (struct session_end_work *)work;
    struct session_row session;
    str hash = self->identity->token_hash, row;
    txn_set_task(txn, self->task);
    enum err err = txn_system_get(txn, SYSTEM_SESSION, hash, self->task->arena, &row);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    if (!session_row_read(row, &session)) {
        txn_system_delete(txn, SYSTEM_SESSION, hash);
        return ERR_NONE;
    }
    session_delete(txn, &session, hash);
    /* An entry of the log, so that open streams of this session look again, and end. */
    struct audit_event event = audit_of(self->identity, AUDIT_SIGN_OUT, self->address);
    audit_put(txn, &event);
    return ERR_NONE;
}

enum err session_end(struct task *task, const struct access *access, const struct space *space,
                     const struct identity *identity, str address)
{
    require(identity->token_hash.len == HASH_BYTES);
    struct session_end_work self = {
        .work = {.run = session_end_run, .arena = task->arena},
        .task = task,
        .identity = identity,
        .address = address,
    };
    return store_write(access->store, space, &self.work);
}

/** By the longest life that a setting gives: what ended before is found when others sign in. */
static bool session_row_is_over(str row, int64_t now_ms)
{
    struct session_row session;
    return !session_row_read(row, &session) || now_ms - session.made_ms >= SESSION_AGE_MS_MAX ||
           now_ms - session.seen_ms >= SESSION_AGE_MS_MAX;
}

static bool session_of_is_over(str row, int64_t now_ms)
{
    int64_t made_ms;
    return !value_int_at(row, SESSION_OF_MADE, &made_ms) || now_ms - made_ms >= SESSION_AGE_MS_MAX;
}

enum err session_upkeep(struct task *task, const struct access *access, const struct space *space)
{
    require(access != nullptr);
    uint64_t deleted;
    TRY(system_sweep(task, space, SYSTEM_SESSION, session_row_is_over, &deleted));
    return system_sweep(task, space, SYSTEM_SESSION_OF, session_of_is_over, &deleted);
}

/* Last use. */

static int64_t seen_every_ms(const struct access *access)
{
    int64_t share_ms = session_idle_ms(access) / 4;
    return share_ms < SEEN_EVERY_MS ? share_ms : SEEN_EVERY_MS;
}

bool session_is_stale(const struct access *access, const struct identity *identity, int64_t now_ms)
{
    return identity->credential != CREDENTIAL_NONE &&
           now_ms - identity->seen_at_ms >= seen_every_ms(access);
}

/** Lives on its own, since the request that caused it does not wait for it. */
struct touch_work {
    struct work work;
    struct arena arena;
    struct task task;
    const struct access *access;
    enum credential credential;
    char hash[HASH_BYTES];
};

static enum err touch_run(struct work *work, struct txn *txn)
{
    struct touch_work *self = (struct touch_work *)work;
    struct session_row session;
    str hash = {self->hash, sizeof self->hash};
    txn_set_task(txn, &self->task);
    if (self->credential == CREDENTIAL_TOKEN) return token_touch(txn, hash);
    TRY(session_get(txn, self->access, hash, &session));
    if (self->task.now_ms - session.seen_ms < seen_every_ms(self->access)) return ERR_NONE;
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
    if (err != ERR_NONE && err != ERR_UNAUTHENTICATED && err != ERR_MISSING)
        log_warning("session", "the last use of a session or token was not written: %.*s",
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
    self->access = access;
    self->credential = identity->credential;
    self->work = (struct work){.run = touch_run, .done = touch_done, .arena = &self->arena};
    memcpy(self->hash, identity->token_hash.at, HASH_BYTES);
    /* A full lane is no reason to refuse a read: the next request tries again. */
    if (store_submit(access->store, space, &self->work) != ERR_NONE) touch_drop(self);
}
