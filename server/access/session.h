/** session: what a signed-in browser is known by.
 *
 *  Rows    SYSTEM_SESSION: hash of the cookie's value → {1: subject, 2: made at, 3: last used at,
 *          4: door, 5: proven at, 6: address, 7: user agent, 8: public id, 9: role when made,
 *          10: note, if any};
 *          SYSTEM_SESSION_OF: subject 16, public id 16 → {1: that hash, 2: made at}.
 *  Floor   access.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "access/access.h"

constexpr size_t SESSION_ADDRESS_BYTES_MAX = 64;
constexpr size_t SESSION_AGENT_BYTES_MAX = 200;
constexpr size_t SESSION_NOTE_BYTES_MAX = 256;

struct session_row {
    struct subject subject;
    struct id id; /** by which people name it; says nothing of its token */
    int64_t made_ms;
    int64_t seen_ms;
    int64_t proven_ms;
    str address, user_agent; /** of its making */
    str role;                /** of the subject then: with another one it is over */
    str note;                /** an encoded value: what its door keeps with it; or empty */
};

/** By the hash of the cookie's value; leaves out what follows from that value itself (csrf). */
enum err session_identify(struct txn *txn, const struct access *access, str token_hash,
                          struct identity *identity_out);
/** In a lane. Beyond SESSIONS_OF_SUBJECT_MAX the oldest of this subject ends. */
enum err session_row_add(struct txn *txn, const struct access *access, str token_hash,
                         const struct session_row *session);
/** In a lane: the session goes on under another token. ERR_UNAUTHENTICATED: it is over. */
enum err session_row_move(struct txn *txn, const struct access *access, str token_hash,
                          str new_hash);

/** In a lane: what the session's door keeps with it from now on, an encoded value of at most
 *  SESSION_NOTE_BYTES_MAX, or nothing. ERR_UNAUTHENTICATED: it is over. */
enum err session_note(struct txn *txn, const struct access *access, str token_hash, str note);

/** The live sessions of a subject, oldest first, behind `after` (nil: the first); ERR_MISSING at
 *  the end. What it gives lies in the transaction's task's arena. */
enum err session_next(struct txn *txn, const struct access *access, struct id subject,
                      struct id after, struct session_row *session_out);
/** In a lane. ERR_MISSING: the subject has no such session. */
enum err session_end_one(struct txn *txn, struct id subject, struct id session);
/** In a lane: ends all sessions of a subject but this one (nil: none is spared). */
enum err sessions_end(struct txn *txn, struct id subject, struct id but);
/** Deletes those that have ended. Blocks. */
enum err session_upkeep(struct task *task, const struct access *access, const struct space *space);
