#include "access/audit.h"
#include "access/credential.h"
#include "access/door.h"
#include "access/session.h"
#include "access/user.h"
#include "base/require.h"
#include "value/value.h"

/* Row: SYSTEM_TOKEN: hash of the token → {1: user, 2: made at, 3: ends at, 0 never}. */

enum token_key : uint8_t { TOKEN_USER = 1, TOKEN_MADE = 2, TOKEN_ENDS = 3 };

constexpr int64_t DAY_MS = 24LL * 3600 * 1000;
constexpr uint32_t TOKEN_DAYS_MAX = 36'500;
constexpr size_t TOKEN_ROW_BYTES_MAX = 64;

static const str token_prefix = {"atr_", 4};

static enum err token_identify(struct txn *txn, const struct access *access, str token_hash,
                               struct identity *identity_out)
{
    struct task *task = txn_task(txn);
    str row;
    enum err err = txn_system_get(txn, SYSTEM_TOKEN, token_hash, task->arena, &row);
    if (err == ERR_MISSING) return ERR_UNAUTHENTICATED;
    TRY(err);
    struct value user, ends;
    if (!value_find(row, TOKEN_USER, &user) || user.kind != VALUE_BYTES) return ERR_CORRUPT;
    if (!value_find(row, TOKEN_ENDS, &ends) || ends.kind != VALUE_INT) return ERR_CORRUPT;
    if (ends.integer != 0 && ends.integer <= task->now_ms) return ERR_UNAUTHENTICATED;
    struct id user_id;
    if (!id_of_bytes(user.text, &user_id)) return ERR_CORRUPT;
    *identity_out = (struct identity){.credential = CREDENTIAL_TOKEN};
    TRY(subject_identify(txn, access, (struct subject){DOOR_STAFF, user_id}, identity_out));
    identity_out->token_hash = arena_copy(task->arena, token_hash);
    return ERR_NONE;
}

enum err identity_of_token(struct txn *txn, const struct access *access, enum door door, str token,
                           struct identity *identity_out)
{
    if (door != DOOR_STAFF || token.len > TOKEN_TEXT_BYTES_MAX || !str_starts(token, token_prefix))
        return ERR_UNAUTHENTICATED;
    struct hash hash = credential_hash(S("token"), token);
    return token_identify(txn, access, hash_bytes(&hash), identity_out);
}

enum err identity_again(struct txn *txn, const struct access *access, enum credential credential,
                        str token_hash, struct identity *identity_out)
{
    require(token_hash.len == HASH_BYTES);
    if (credential == CREDENTIAL_TOKEN)
        return token_identify(txn, access, token_hash, identity_out);
    require(credential == CREDENTIAL_SESSION);
    return session_identify(txn, access, token_hash, identity_out);
}

struct token_work {
    struct work work;
    struct task *task;
    const struct access *access;
    str email;
    int64_t ends_ms;
    str token;
};

static enum err token_run(struct work *work, struct txn *txn)
{
    struct token_work *self = (struct token_work *)work;
    struct task *task = self->task;
    txn_set_task(txn, task);
    struct user_row user;
    enum err err = user_find(task, txn, self->access, self->email, &user);
    if (err == ERR_MISSING)
        return fail(task, err, "there is no user with the address %.*s", FMT(self->email));
    TRY(err);
    struct buf row = buf_make(task->arena, TOKEN_ROW_BYTES_MAX);
    pack_map(&row, 3);
    pack_int(&row, TOKEN_USER);
    pack_bytes(&row, id_bytes(&user.id));
    pack_int(&row, TOKEN_MADE);
    pack_int(&row, task->now_ms);
    pack_int(&row, TOKEN_ENDS);
    pack_int(&row, self->ends_ms);
    require(!buf_is_over(&row));
    struct hash hash = credential_hash(S("token"), self->token);
    txn_system_put(txn, SYSTEM_TOKEN, hash_bytes(&hash), buf_str(&row));
    audit_put(txn, &(struct audit_event){.kind = AUDIT_TOKEN_MADE,
                                         .actor_kind = AUDIT_OPERATOR,
                                         .entity = USER_ENTITY,
                                         .record = user.id});
    return ERR_NONE;
}

enum err token_create(struct task *task, const struct access *access, const struct space *space,
                      str user_email, uint32_t days, str *token_out)
{
    if (days > TOKEN_DAYS_MAX)
        return fail(task, ERR_INVALID, "a token may be good for at most %u days", TOKEN_DAYS_MAX);
    *token_out = credential_make(task->arena, token_prefix);
    require(token_out->len <= TOKEN_TEXT_BYTES_MAX);
    struct token_work self = {
        .work = {.run = token_run, .arena = task->arena},
        .task = task,
        .access = access,
        .email = user_email,
        .ends_ms = days == 0 ? 0 : task->now_ms + days * DAY_MS,
        .token = *token_out,
    };
    return store_write(access->store, space, &self.work);
}
