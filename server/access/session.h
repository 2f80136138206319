/** session: what a signed-in browser is known by.
 *
 *  Row     SYSTEM_SESSION: hash of the cookie's value → {1: user, 2: made at, 3: last used at}.
 *  Floor   access.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "access/access.h"

/** By the hash of the cookie's value; leaves out what follows from that value itself (csrf). */
enum err session_identify(struct txn *txn, const struct access *access, str token_hash,
                          struct identity *identity_out);
/** In a lane: ends all sessions of a user. */
enum err session_end_all(struct txn *txn, struct id user);
/** Deletes those that have ended. Blocks. */
enum err session_upkeep(struct task *task, const struct access *access, const struct space *space);
