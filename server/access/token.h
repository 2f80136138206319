/** token: what a script is known by: 256 random bits, of which only the hash is stored.
 *
 *  A token acts for its user, in a role of its own if it has one: then it may what both may.
 *  Another one is made before an old one is ended, so that scripts can change over.
 *
 *  Row     SYSTEM_TOKEN: hash of the text → {1: user, 2: made at, 3: ends at, 0 never, 4: name,
 *          5: role, 6: how its text begins, 7: last used at, 8: is a proof}; the last five may be
 *          left out.
 *  Floor   access.
 *  Thread  any, with its own transaction; what writes: the lane's.
 */
#pragma once

#include "access/access.h"

constexpr uint32_t TOKENS_OF_USER_MAX = 50; /** that have not ended */
constexpr uint32_t TOKEN_DAYS_MAX = 36'500;
constexpr size_t TOKEN_NAME_BYTES_MAX = 100;

struct token_row {
    struct id id; /** by which people name it: the first bytes of its hash */
    struct id user;
    int64_t made_ms, ends_ms, used_ms; /** the latter 0: never */
    str name;
    str role;      /** empty: its user's */
    str beginning; /** of its text, so that people know which it is */
    bool is_proof; /** it may what else needs a fresh password */
};

/** In a lane. Fills in `id`, `made_ms` and `beginning`; the text is told once. ERR_INVALID: there
 *  is no such role. ERR_CONFLICT: as many as there may be. Ended ones are deleted. */
enum err token_make(struct txn *txn, const struct model *model, struct token_row *token,
                    str *text_out);
/** The tokens of a user that have not ended, in no order, behind `*after` (empty: the first), which
 *  is moved; ERR_MISSING at the end. What it gives lies in the transaction's task's arena. */
enum err token_next(struct txn *txn, struct id user, str *after, struct token_row *token_out);
/** ERR_MISSING: there is none, or it has ended. */
enum err token_find(struct txn *txn, struct id id, struct token_row *token_out);
/** In a lane. */
enum err token_end(struct txn *txn, struct id id);
/** In a lane: all of a user. */
enum err tokens_forget(struct txn *txn, struct id user);

/** What is left of its user's scope to who comes by this token; ERR_UNAUTHENTICATED: it is over. */
enum err token_narrow(struct txn *txn, const struct model *model, struct id id,
                      struct scope *scope);
/** In a lane: notes its last use. */
enum err token_touch(struct txn *txn, str token_hash);
