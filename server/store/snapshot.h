/** snapshot: the inside of a transaction: its LMDB read snapshot, pending writes, open walks; rows
 *  by key.
 *
 *  Floor   store, inside.
 *  Thread  one at a time; `opened_at_ns` is read by the keeper.
 */
#pragma once

#include "base/buf.h"
#include "store/environment.h"
#include "store/pending.h"

constexpr uint32_t CURSORS_IDLE_MAX = 4; /** kept for each database of a snapshot */

struct data_keys;

struct txn {
    struct store *store;
    MDB_txn *mdb;
    struct space space;
    struct task *task; /** may be nullptr in a lane until the work has set it */
    bool takes_writes;
    struct arena arena; /** of the pending writes */
    struct pending pending;
    enum err broken;  /** the log's end, or a key, cannot be read: nothing of this work is kept */
    bool has_logged;  /** an entry was appended, though it may be undone since */
    bool has_log_end; /** log_sequence, log_chain and log_group are known */
    uint64_t log_sequence;
    struct hash log_chain;
    struct id log_group;     /** of the newest entry */
    struct scan *scans;      /** open ones */
    struct scan *scans_idle; /** their memory, kept */
    MDB_cursor *cursors[DATABASE_COUNT][CURSORS_IDLE_MAX];
    uint8_t cursor_count[DATABASE_COUNT];
    uint32_t pool;
    struct txn *next_idle;
    struct txn *next_all;
    _Atomic int64_t opened_at_ns; /** 0: closed */
    _Atomic bool is_long;         /** a backup: the keeper does not complain */
    bool was_reported;            /** the keeper's own */
};

/** A snapshot that takes writes and may be handed in; by lanes only. `task` may be nullptr. */
enum err txn_open_lane(struct store *store, const struct space *space, struct txn **txn_out);
/** Closes all scans, as at the end of a work. */
void txn_scans_close(struct txn *txn);
/** Closes every snapshot; no other thread may be left. */
void snapshots_drop(struct store *store);

/** Counts one key read on the task. */
static inline void txn_touch(struct txn *txn)
{
    if (txn->task != nullptr) txn->task->keys_touched++;
}

/** A cursor over a database of this snapshot, from those kept when there is one. */
enum err txn_cursor_take(struct txn *txn, enum database database, MDB_cursor **cursor_out);
void txn_cursor_give(struct txn *txn, enum database database, MDB_cursor *cursor);

/** Whether the space's tenant was deleted: nothing may be written there any more. */
bool txn_is_shut(struct txn *txn);
/** The space's data keys, unwrapped. ERR_MISSING: it has none (never made, or shredded). */
enum err txn_data_keys(struct txn *txn, struct data_keys *keys_out);
/** Keeps these for the space, wrapped. */
void txn_data_keys_keep(struct txn *txn, const struct data_keys *keys);

/** The value without its hash, which is checked. ERR_MISSING, ERR_CORRUPT. A view. */
enum err row_get(struct txn *txn, enum database database, const struct row_key *key,
                 str *value_out);
/** Takes the hash off a stored value and checks it. ERR_CORRUPT is logged and told to the task. */
enum err row_check(struct txn *txn, enum database database, str key, str stored, str *value_out);
void row_put(struct txn *txn, enum database database, const struct row_key *key, str value);
/** The same without a copy: a buffer in the transaction's arena with room for the hash at its
 *  start. */
struct buf row_build(struct txn *txn);
void row_put_built(struct txn *txn, enum database database, const struct row_key *key,
                   struct buf *built);
/** Without value and hash: index, text and finder entries. */
void row_put_empty(struct txn *txn, enum database database, const struct row_key *key);
void row_delete(struct txn *txn, enum database database, const struct row_key *key);

/** The 8 bytes before a value. Needs no transaction, so that check and start can use it. */
uint64_t row_hash(const struct short_key *hash_key, struct id uuid, enum database database, str key,
                  str value);
/** Checks a stored value and gives what stands behind its hash; false when it does not fit. */
bool row_open(const struct short_key *hash_key, struct id uuid, enum database database, str key,
              str stored, str *value_out);
