/** answers: what was answered to a request that named itself by an idempotency key, kept for a day
 *  in the same commit as what it changed, so that sent again it changes nothing.
 *
 *  Only answers of success are kept: what was refused changed nothing and may be tried again under
 *  the same key.
 *
 *  Floor   work.
 *  Thread  a lane; reads: any, with its own transaction.
 *  Bytes   SYSTEM_ANSWER: hash of the key → [hash of what was asked, ms, status, content type,
 *          body, header, value, …]; SYSTEM_ANSWER_AT: when, hash → its bytes, oldest first;
 *          SYSTEM_COUNTER "answers": [how many, their bytes].
 */
#pragma once

#include "access/access.h"
#include "base/crypto.h"
#include "base/limits.h"

constexpr int64_t ANSWER_KEPT_MS = DAY_MS;
constexpr uint32_t ANSWERS_OF_TENANT_MAX = 100'000; /** then 429 */
constexpr uint64_t ANSWERS_BYTES_OF_TENANT_MAX = 256 * MIB;
constexpr size_t ANSWER_BYTES_MAX = 12 * MIB; /** of one */
constexpr uint32_t ANSWER_HEADERS_MAX = 16;

struct answer_header {
    str name, value;
};

struct answer {
    int status;
    str content_type;
    str body;
    uint32_t header_count;
    struct answer_header headers[ANSWER_HEADERS_MAX];
};

/** ERR_MISSING: none is kept, without a fault; ERR_INVALID: the key was used for something else. In
 *  the arena of the task. */
enum err answer_find(struct task *task, struct txn *txn, const struct hash *key,
                     const struct hash *asked, struct answer *answer_out);
/** In a lane, where answer_find found none. ERR_LIMITED: the tenant has too many; ERR_TOO_LARGE:
 *  this one is longer than ANSWER_BYTES_MAX. */
enum err answer_keep(struct task *task, struct txn *txn, const struct hash *key,
                     const struct hash *asked, const struct answer *answer);
/** In a lane: it is kept no longer; the row's key. ERR_MISSING. */
enum err answer_forget(struct task *task, struct txn *txn, str key);
/** A row of the table of upkeep. */
enum err answers_upkeep(struct task *task, const struct access *access, const struct space *space);
