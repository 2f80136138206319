#include "store/snapshot.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/require.h"
#include "store/scan.h"

/* Opening and closing. */

static uint32_t thread_pool(void)
{
    static _Atomic uint32_t threads;
    static thread_local uint32_t number;
    if (number == 0) number = atomic_fetch_add(&threads, 1) + 1;
    return number % READER_POOLS;
}

static struct txn *pool_take(struct reader_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct txn *txn = pool->idle;
    if (txn != nullptr) pool->idle = txn->next_idle;
    pthread_mutex_unlock(&pool->lock);
    return txn;
}

static void pool_give(struct txn *txn)
{
    struct reader_pool *pool = &txn->store->readers[txn->pool];
    pthread_mutex_lock(&pool->lock);
    txn->next_idle = pool->idle;
    pool->idle = txn;
    pthread_mutex_unlock(&pool->lock);
}

/** A new snapshot with a reader slot of its own, open. */
static int snapshot_make(struct store *store, uint32_t pool, struct txn **txn_out)
{
    MDB_txn *mdb;
    int code = mdb_txn_begin(store->mdb, nullptr, MDB_RDONLY, &mdb);
    if (code != 0) return code;
    struct txn *txn = memory_take(sizeof(*txn));
    txn->store = store;
    txn->mdb = mdb;
    txn->pool = pool;
    arena_init(&txn->arena, TASK_ARENA_BYTES_MAX);
    pthread_mutex_lock(&store->all_lock);
    txn->next_all = store->all;
    store->all = txn;
    pthread_mutex_unlock(&store->all_lock);
    *txn_out = txn;
    return 0;
}

static int snapshot_renew(struct txn *txn)
{
    int code = mdb_txn_renew(txn->mdb);
    if (code != 0) pool_give(txn);
    return code;
}

/** Out of slots: one that another thread left idle will do. */
static int snapshot_borrow(struct store *store, struct txn **txn_out)
{
    for (uint32_t pool = 0; pool < READER_POOLS; pool++) {
        *txn_out = pool_take(&store->readers[pool]);
        if (*txn_out != nullptr) return snapshot_renew(*txn_out);
    }
    return MDB_READERS_FULL;
}

static enum err snapshot_open(struct store *store, const struct space *space, struct task *task,
                              bool takes_writes, struct txn **txn_out)
{
    require(space->store == store);
    uint32_t pool = thread_pool();
    struct txn *txn = pool_take(&store->readers[pool]);
    int code = txn != nullptr ? snapshot_renew(txn) : snapshot_make(store, pool, &txn);
    if (code == MDB_READERS_FULL) code = snapshot_borrow(store, &txn);
    if (code != 0) {
        log_error("store", "no snapshot: %s", mdb_strerror(code));
        enum err err = mdb_err(code);
        if (task == nullptr) return err;
        return fail(task, err, "The store cannot be read now: %s.", mdb_strerror(code));
    }
    txn->space = *space;
    txn->task = task;
    txn->takes_writes = takes_writes;
    txn->has_log_end = false;
    txn->has_logged = false;
    txn->broken = ERR_NONE;
    if (takes_writes) pending_init(&txn->pending, &txn->arena);
    atomic_store_explicit(&txn->opened_at_ns, clock_monotonic_ns(), memory_order_relaxed);
    *txn_out = txn;
    return ERR_NONE;
}

enum err txn_open(struct task *task, const struct space *space, struct txn **txn_out)
{
    require(task != nullptr);
    return snapshot_open(space->store, space, task, false, txn_out);
}

enum err txn_open_dry(struct task *task, const struct space *space, struct txn **txn_out)
{
    require(task != nullptr);
    return snapshot_open(space->store, space, task, true, txn_out);
}

enum err txn_open_lane(struct store *store, const struct space *space, struct txn **txn_out)
{
    return snapshot_open(store, space, nullptr, true, txn_out);
}

void txn_scans_close(struct txn *txn)
{
    while (txn->scans != nullptr) scan_close(txn->scans);
}

void txn_close(struct txn *txn)
{
    txn_scans_close(txn);
    mdb_txn_reset(txn->mdb);
    if (txn->takes_writes) arena_clear(&txn->arena);
    txn->arena.escape = nullptr;
    txn->task = nullptr;
    atomic_store_explicit(&txn->opened_at_ns, 0, memory_order_release);
    atomic_store_explicit(&txn->is_long, false, memory_order_release);
    pool_give(txn);
}

void snapshots_drop(struct store *store)
{
    for (struct txn *txn = store->all, *next; txn != nullptr; txn = next) {
        require(atomic_load(&txn->opened_at_ns) == 0);
        next = txn->next_all;
        scans_drop(txn);
        for (uint32_t database = 0; database < DATABASE_COUNT; database++)
            for (uint8_t i = 0; i < txn->cursor_count[database]; i++)
                mdb_cursor_close(txn->cursors[database][i]);
        mdb_txn_abort(txn->mdb);
        arena_drop(&txn->arena);
        memory_give(txn);
    }
    store->all = nullptr;
}

void txn_enter(struct txn *txn, const struct space *space)
{
    require(space->store == txn->store);
    require(!txn->takes_writes || txn->pending.live_count == 0);
    txn_scans_close(txn);
    txn->space = *space;
    txn->has_log_end = false;
}

const struct space *txn_space(const struct txn *txn)
{
    return &txn->space;
}

struct task *txn_task(struct txn *txn)
{
    return txn->task;
}

void txn_set_task(struct txn *txn, struct task *task)
{
    txn->task = task;
}

struct savepoint txn_savepoint(struct txn *txn)
{
    require(txn->takes_writes);
    return (struct savepoint){txn->pending.undo_count};
}

void txn_rollback(struct txn *txn, struct savepoint savepoint)
{
    require(txn->takes_writes);
    pending_undo_to(&txn->pending, savepoint.mark);
    txn->has_log_end = false;
}

/* Cursors. */

enum err txn_cursor_take(struct txn *txn, enum database database, MDB_cursor **cursor_out)
{
    int code;
    if (txn->cursor_count[database] > 0) {
        *cursor_out = txn->cursors[database][--txn->cursor_count[database]];
        code = mdb_cursor_renew(txn->mdb, *cursor_out);
        if (code != 0) mdb_cursor_close(*cursor_out);
    } else {
        code = mdb_cursor_open(txn->mdb, txn->store->databases[database], cursor_out);
    }
    if (code == 0) return ERR_NONE;
    log_error("store", "no cursor: %s", mdb_strerror(code));
    return mdb_err(code);
}

void txn_cursor_give(struct txn *txn, enum database database, MDB_cursor *cursor)
{
    if (txn->cursor_count[database] == CURSORS_IDLE_MAX) mdb_cursor_close(cursor);
    else txn->cursors[database][txn->cursor_count[database]++] = cursor;
}

/* Rows by key. */

uint64_t row_hash(const struct short_key *hash_key, struct id uuid, enum database database, str key,
                  str value)
{
    char name[1 + 16 + KEY_BYTES_MAX];
    require(key.len <= KEY_BYTES_MAX);
    name[0] = (char)database;
    memcpy(name + 1, uuid.bytes, 16);
    memcpy(name + 17, key.at, key.len);
    return short_hash(hash_key, (str){name, 17 + key.len}, value);
}

bool row_open(const struct short_key *hash_key, struct id uuid, enum database database, str key,
              str stored, str *value_out)
{
    if (stored.len < VALUE_HASH_BYTES) return false;
    *value_out = str_from(stored, VALUE_HASH_BYTES);
    return bytes_uint64(stored.at) == row_hash(hash_key, uuid, database, key, *value_out);
}

enum err row_check(struct txn *txn, enum database database, str key, str stored, str *value_out)
{
    const struct space *space = &txn->space;
    if (row_open(&space->hash_key, space->uuid, database, key, stored, value_out)) return ERR_NONE;
    log_error("store", "tenant %" PRIu32 ": a damaged value in database %d", space->number,
              (int)database);
    if (txn->task == nullptr) return ERR_CORRUPT;
    return fail(txn->task, ERR_CORRUPT, "A stored value is damaged. `atrium check` says more.");
}

enum err row_get(struct txn *txn, enum database database, const struct row_key *key, str *value_out)
{
    txn_touch(txn);
    str key_str = row_key_str(key);
    if (txn->takes_writes) {
        struct pending_entry *entry = pending_find(&txn->pending, database, key_str);
        if (entry != nullptr && entry->state == PENDING_DELETE) return ERR_MISSING;
        if (entry != nullptr && entry->state == PENDING_PUT)
            return row_check(txn, database, key_str, entry->value, value_out);
    }
    MDB_val name = {key_str.len, (void *)key_str.at}, value;
    int code = mdb_get(txn->mdb, txn->store->databases[database], &name, &value);
    if (code == MDB_NOTFOUND) return ERR_MISSING;
    if (code != 0) {
        log_error("store", "tenant %" PRIu32 ": %s", txn->space.number, mdb_strerror(code));
        return mdb_err(code);
    }
    return row_check(txn, database, key_str, (str){value.mv_data, value.mv_size}, value_out);
}

/** Past the hard cap of the pending writes control goes where the task's own guard stands. A lane
 *  has put a guard of its own. */
static void writes_begin(struct txn *txn)
{
    require(txn->takes_writes);
    if (txn->arena.escape == nullptr && txn->task != nullptr)
        txn->arena.escape = txn->task->arena->escape;
}

struct buf row_build(struct txn *txn)
{
    writes_begin(txn);
    struct buf built = buf_make(&txn->arena, ROW_BYTES_MAX + VALUE_HASH_BYTES);
    buf_put(&built, (str){"\0\0\0\0\0\0\0", VALUE_HASH_BYTES});
    return built;
}

void row_put_built(struct txn *txn, enum database database, const struct row_key *key,
                   struct buf *built)
{
    require(!buf_is_over(built));
    require(built->len > VALUE_HASH_BYTES);
    const struct space *space = &txn->space;
    str value = str_from(buf_str(built), VALUE_HASH_BYTES);
    bytes_put_uint64(built->at,
                     row_hash(&space->hash_key, space->uuid, database, row_key_str(key), value));
    pending_set(&txn->pending, database, row_key_str(key), PENDING_PUT, buf_str(built));
}

void row_put(struct txn *txn, enum database database, const struct row_key *key, str value)
{
    require(value.len > 0);
    require(value.len <= ROW_BYTES_MAX);
    writes_begin(txn);
    char *stored = arena_take_raw(&txn->arena, VALUE_HASH_BYTES + value.len);
    memcpy(stored + VALUE_HASH_BYTES, value.at, value.len);
    struct buf built = {.at = stored, .len = VALUE_HASH_BYTES + value.len};
    row_put_built(txn, database, key, &built);
}

void row_put_empty(struct txn *txn, enum database database, const struct row_key *key)
{
    writes_begin(txn);
    pending_set(&txn->pending, database, row_key_str(key), PENDING_PUT, S(""));
}

void row_delete(struct txn *txn, enum database database, const struct row_key *key)
{
    writes_begin(txn);
    pending_set(&txn->pending, database, row_key_str(key), PENDING_DELETE, S(""));
}
