#include "access/token.h"

#include "access/audit.h"
#include "access/credential.h"
#include "access/door.h"
#include "access/role.h"
#include "access/session.h"
#include "access/user.h"
#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "record/models.h"
#include "record/quota.h"
#include "value/value.h"

enum token_key : uint8_t {
    TOKEN_USER = 1,
    TOKEN_MADE,
    TOKEN_ENDS,
    TOKEN_NAME,
    TOKEN_ROLE,
    TOKEN_BEGINNING,
    TOKEN_USED,
    TOKEN_PROOF,
};

constexpr size_t TOKEN_ROW_BYTES_MAX = 512;
constexpr size_t BEGINNING_BYTES = 10; /** the mark and 36 of the 256 bits */

static const str token_prefix = {"atr_", 4};

/* Rows. */

static bool row_read(str hash, str row, struct token_row *token_out)
{
    *token_out = (struct token_row){
        .name = value_text_at(row, TOKEN_NAME),
        .role = value_text_at(row, TOKEN_ROLE),
        .beginning = value_text_at(row, TOKEN_BEGINNING),
        .is_proof = value_is_true_at(row, TOKEN_PROOF),
    };
    (void)value_int_at(row, TOKEN_MADE, &token_out->made_ms);
    (void)value_int_at(row, TOKEN_ENDS, &token_out->ends_ms);
    (void)value_int_at(row, TOKEN_USED, &token_out->used_ms);
    return hash.len == HASH_BYTES &&
           id_of_bytes(str_first(hash, sizeof token_out->id.bytes), &token_out->id) &&
           value_id_at(row, TOKEN_USER, &token_out->user);
}

static void put_text(struct buf *row, enum token_key key, str text, uint32_t *count)
{
    if (text.len == 0) return;
    pack_int(row, key);
    pack_text(row, text);
    ++*count;
}

static void row_put(struct txn *txn, str hash, const struct token_row *token)
{
    struct arena *arena = txn_task(txn)->arena;
    struct buf pairs = buf_make(arena, TOKEN_ROW_BYTES_MAX);
    struct buf row = buf_make(arena, TOKEN_ROW_BYTES_MAX);
    uint32_t count = 5;
    pack_int(&pairs, TOKEN_USER);
    pack_bytes(&pairs, id_bytes(&token->user));
    pack_int(&pairs, TOKEN_MADE);
    pack_int(&pairs, token->made_ms);
    pack_int(&pairs, TOKEN_ENDS);
    pack_int(&pairs, token->ends_ms);
    pack_int(&pairs, TOKEN_USED);
    pack_int(&pairs, token->used_ms);
    pack_int(&pairs, TOKEN_PROOF);
    pack_bool(&pairs, token->is_proof);
    put_text(&pairs, TOKEN_NAME, token->name, &count);
    put_text(&pairs, TOKEN_ROLE, token->role, &count);
    put_text(&pairs, TOKEN_BEGINNING, token->beginning, &count);
    pack_map(&row, count);
    pack_raw(&row, buf_str(&pairs));
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_TOKEN, hash, buf_str(&row));
}

static bool is_over(const struct token_row *token, int64_t now_ms)
{
    return token->ends_ms != 0 && token->ends_ms <= now_ms;
}

enum err token_next(struct txn *txn, struct id user, str *after, struct token_row *token_out)
{
    struct task *task = txn_task(txn);
    for (int64_t walked = 0; walked <= quota_kinds[QUOTA_TOKENS].greatest; walked++) {
        str row;
        TRY(txn_system_after(txn, SYSTEM_TOKEN, *after, task->arena, after, &row));
        if (row_read(*after, row, token_out) && id_eq(token_out->user, user) &&
            !is_over(token_out, task->now_ms))
            return ERR_NONE;
    }
    return ERR_MISSING;
}

/** By the first bytes of its key. */
static enum err find_row(struct txn *txn, struct id id, str *hash_out, struct token_row *token_out)
{
    struct task *task = txn_task(txn);
    str row;
    TRY(txn_system_after(txn, SYSTEM_TOKEN, id_bytes(&id), task->arena, hash_out, &row));
    bool is_it = row_read(*hash_out, row, token_out) && id_eq(token_out->id, id);
    return is_it && !is_over(token_out, task->now_ms) ? ERR_NONE : ERR_MISSING;
}

enum err token_find(struct txn *txn, struct id id, struct token_row *token_out)
{
    str hash;
    return find_row(txn, id, &hash, token_out);
}

enum err token_end(struct txn *txn, struct id id)
{
    struct token_row token;
    str hash;
    TRY(find_row(txn, id, &hash, &token));
    txn_system_delete(txn, SYSTEM_TOKEN, hash);
    return ERR_NONE;
}

enum err tokens_forget(struct txn *txn, struct id user)
{
    struct token_row token;
    str hash = S("");
    enum err err;
    while ((err = token_next(txn, user, &hash, &token)) == ERR_NONE)
        txn_system_delete(txn, SYSTEM_TOKEN, hash);
    return err == ERR_MISSING ? ERR_NONE : err;
}

enum err token_touch(struct txn *txn, str token_hash)
{
    struct task *task = txn_task(txn);
    struct token_row token;
    str row;
    TRY(txn_system_get(txn, SYSTEM_TOKEN, token_hash, task->arena, &row));
    if (!row_read(token_hash, row, &token)) return ERR_CORRUPT;
    token.used_ms = task->now_ms;
    row_put(txn, token_hash, &token);
    return ERR_NONE;
}

/* Who. */

static enum err narrow(struct txn *txn, const struct model *model, const struct token_row *token,
                       struct scope *scope)
{
    struct scope own;
    scope->token = token->id;
    if (token->role.len == 0) return ERR_NONE;
    TRY(scope_of_user(txn, model, token->role, token->user, &own));
    *scope = scope_narrowed(scope, &own);
    scope->token = token->id;
    return ERR_NONE;
}

enum err token_narrow(struct txn *txn, const struct model *model, struct id id, struct scope *scope)
{
    struct token_row token;
    enum err err = token_find(txn, id, &token);
    if (err == ERR_MISSING) return ERR_UNAUTHENTICATED;
    TRY(err);
    return narrow(txn, model, &token, scope);
}

static enum err token_identify(struct txn *txn, const struct access *access, str token_hash,
                               struct identity *identity_out)
{
    struct task *task = txn_task(txn);
    struct token_row token;
    str row;
    enum err err = txn_system_get(txn, SYSTEM_TOKEN, token_hash, task->arena, &row);
    if (err == ERR_MISSING) return ERR_UNAUTHENTICATED;
    TRY(err);
    if (!row_read(token_hash, row, &token)) return ERR_CORRUPT;
    if (is_over(&token, task->now_ms)) return ERR_UNAUTHENTICATED;
    *identity_out = (struct identity){.credential = CREDENTIAL_TOKEN};
    TRY(subject_identify(txn, access, (struct subject){DOOR_STAFF, token.user}, identity_out));
    identity_out->token_hash = arena_copy(task->arena, token_hash);
    identity_out->token_name = token.name;
    identity_out->token_role = token.role;
    identity_out->token_ends_ms = token.ends_ms;
    identity_out->seen_at_ms = token.used_ms;
    identity_out->is_proof = token.is_proof;
    const struct model *model = access->model;
    if (token.role.len > 0) TRY(model_of(task, txn, access->model, &model));
    TRY(narrow(txn, model, &token, &identity_out->scope));
    identity_out->scope.is_proven = token.is_proof;
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

/* Making. */

static enum err verify_role(struct task *task, const struct model *model, str role)
{
    if (role.len == 0 || model_role(model, role) != nullptr) return ERR_NONE;
    struct buf names = buf_make(task->arena, 8 * KIB);
    for (uint32_t at = 0; at < model->role_count; at++)
        buf_print(&names, "%s%.*s", at == 0 ? "" : ", ", FMT(model->roles[at].name));
    task_fault(task, S("role"), S("choice"), "there is no role \"%.*s\"; there are: %.*s",
               FMT(utf8_first(role, 100)), FMT(buf_str(&names)));
    return task_faults(task);
}

/** Counts those of the user, and deletes what has ended. */
static enum err count_and_sweep(struct txn *txn, struct id user, uint32_t *of_user)
{
    struct task *task = txn_task(txn);
    str hash = S(""), row;
    *of_user = 0;
    for (int64_t walked = 0; walked <= quota_kinds[QUOTA_TOKENS].greatest; walked++) {
        struct token_row token;
        enum err err = txn_system_after(txn, SYSTEM_TOKEN, hash, task->arena, &hash, &row);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        if (!row_read(hash, row, &token)) return ERR_CORRUPT;
        if (is_over(&token, task->now_ms)) {
            txn_system_delete(txn, SYSTEM_TOKEN, hash);
            continue;
        }
        *of_user += id_eq(token.user, user);
    }
    return ERR_NONE;
}

enum err token_make(struct txn *txn, const struct model *model, struct token_row *token,
                    str *text_out)
{
    struct task *task = txn_task(txn);
    uint32_t of_user;
    require(token->name.len <= TOKEN_NAME_BYTES_MAX);
    TRY(verify_role(task, model, token->role));
    TRY(count_and_sweep(txn, token->user, &of_user));
    if (of_user >= TOKENS_OF_USER_MAX)
        return fail(task, ERR_CONFLICT, "a user has at most %u tokens: end one first",
                    TOKENS_OF_USER_MAX);
    TRY(quota_take_row(txn, QUOTA_TOKENS));
    *text_out = credential_make(task->arena, token_prefix);
    require(text_out->len <= TOKEN_TEXT_BYTES_MAX);
    struct hash hash = credential_hash(S("token"), *text_out);
    token->made_ms = task->now_ms;
    token->used_ms = 0;
    token->beginning = str_first(*text_out, BEGINNING_BYTES);
    require(id_of_bytes(str_first(hash_bytes(&hash), sizeof token->id.bytes), &token->id));
    row_put(txn, hash_bytes(&hash), token);
    return ERR_NONE;
}

/* By the command line. */

struct token_work {
    struct work work;
    struct task *task;
    const struct access *access;
    const struct token_wanted *wanted;
    str token;
};

static enum err token_run(struct work *work, struct txn *txn)
{
    struct token_work *self = (struct token_work *)work;
    struct task *task = self->task;
    const struct token_wanted *wanted = self->wanted;
    const struct model *model;
    struct user_row user;
    txn_set_task(txn, task);
    enum err err = user_find(task, txn, self->access, wanted->email, &user);
    if (err == ERR_MISSING)
        return fail(task, err, "there is no user with the address %.*s", FMT(wanted->email));
    TRY(err);
    TRY(model_of(task, txn, self->access->model, &model));
    int64_t ends_ms = wanted->days == 0 ? 0 : task->now_ms + wanted->days * DAY_MS;
    struct token_row token = {
        .user = user.id, .ends_ms = ends_ms, .name = wanted->name, .role = wanted->role};
    TRY(token_make(txn, model, &token, &self->token));
    audit_put(txn, &(struct audit_event){.kind = AUDIT_TOKEN_MADE,
                                         .actor_kind = AUDIT_OPERATOR,
                                         .entity = USER_ENTITY,
                                         .record = user.id});
    return ERR_NONE;
}

enum err token_create(struct task *task, const struct access *access, const struct space *space,
                      const struct token_wanted *wanted, str *token_out)
{
    if (wanted->days > TOKEN_DAYS_MAX)
        return fail(task, ERR_INVALID, "a token may be good for at most %u days", TOKEN_DAYS_MAX);
    struct token_work self = {
        .work = {.run = token_run, .arena = task->arena},
        .task = task,
        .access = access,
        .wanted = wanted,
    };
    TRY(store_write(access->store, space, &self.work));
    *token_out = self.token;
    return ERR_NONE;
}
