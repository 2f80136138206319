/** environment: what one open data directory consists of, for the files of this folder.
 *
 *  Floor   store, inside.
 *  Thread  members say who owns them.
 */
#pragma once

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/key.h"

struct batch;
struct keyring;
struct lane;
struct master;

constexpr uint32_t READER_POOLS =
    32; /** snapshots are kept apart by thread, so threads do not meet */
constexpr uint32_t LANE_BUCKETS = 1024;
constexpr uint32_t DATA_KEYS_MAX = 64; /** of one space */

/** Snapshots that are closed and wait to be renewed. `lock` guards `idle`; it is held for a few
 *  instructions and nearly always by the same thread. */
struct reader_pool {
    pthread_mutex_t lock;
    struct txn *idle;
    char apart[64]; /** so that two pools do not share a cache line */
};

/** Lanes with work, and those ready to be served. `lock` guards everything here and in each lane;
 *  it is held for a few instructions by submitters, lane threads and the committer, never during
 *  I/O. */
struct lanes {
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t is_ready; /** a lane became ready and may be served, or closing has begun */
    struct lane *buckets[LANE_BUCKETS];
    struct lane *ready_first, *ready_last;
    uint32_t live;
    bool is_closing;
    uint32_t served_count; /** lanes that threads are working on, but for those that wait */
    uint32_t idle_count;   /** threads with nothing to do */
    uint32_t thread_count; /** does not grow while closing */
    pthread_t threads[LANE_THREADS_MAX];
};

/** Batches that wait for the committer. `lock` guards the queue; lane threads add, the committer
 *  takes. */
struct committer {
    pthread_mutex_t lock;
    pthread_cond_t has_batch;
    struct batch *first, *last;
    _Atomic uint32_t waiting; /** batches in the queue, for lanes to look at without the lock */
    bool is_closing;
    bool is_started;
    int64_t full_at_ns; /** the committer's own: when a full disk was last told */
    pthread_t thread;
};

/** Who is told of commits. `lock` is held while it is told, so that whoever leaves is not called
 *  afterwards. */
struct watch {
    pthread_mutex_t lock;
    void (*committed)(void *owner, uint32_t tenant, uint64_t newest);
    void *owner;
    void (*outbox_grew)(void *owner, uint32_t tenant);
    void *outbox_owner;
};

/** The keeper sleeps on `wakes`; `lock` guards `is_closing`. */
struct keeper {
    pthread_mutex_t lock;
    pthread_cond_t wakes;
    bool is_closing;
    bool is_started;
    pthread_t thread;
};

/** Of the chains of the change logs: one of each data key of the instance, oldest first. The newest
 *  chains; the older ones prove what was chained by them. It only grows, and `count` only once the
 *  data key behind it is durable. */
struct chain_keys {
    _Atomic uint32_t count;
    struct secret_key keys[DATA_KEYS_MAX];
};

struct store {
    char *folder;
    int owner_lock;
    void (*broken)(str reason);
    MDB_env *mdb;
    MDB_dbi databases[DATABASE_COUNT];
    struct keyring *keyring;
    struct master *master;       /** guarded by `master_lock`; in locked memory */
    pthread_mutex_t master_lock; /** held while the master key is replaced, and by backups */
    struct id instance_uuid;
    struct short_key hash_key; /** of stored values; from the instance's first data key */
    struct chain_keys chain_keys;
    struct reader_pool readers[READER_POOLS];
    pthread_mutex_t all_lock; /** guards `all`: taken when a snapshot is made and by the keeper */
    struct txn *all;          /** every snapshot ever made, until the store closes */
    struct lanes lanes;
    struct committer committer;
    struct watch watch;
    struct keeper keeper;
    _Atomic uint64_t commits;
    _Atomic uint64_t works_done;
    _Atomic uint64_t works_failed;
    _Atomic uint64_t committed_bytes;
};

/** LMDB's code as ours: full map or disk, no reader slot: ERR_FULL; damaged: ERR_CORRUPT; else
 *  ERR_SYSTEM. */
enum err mdb_err(int code);

/** One LMDB environment in a folder with its databases open; also for restore, which has no store
 *  yet. */
enum err mdb_open_folder(struct task *task, str folder, uint64_t map_bytes, MDB_env **mdb_out,
                         MDB_dbi databases_out[DATABASE_COUNT]);

/** The databases of an environment, by a transaction of these flags; an LMDB code. */
int mdb_databases_open(MDB_env *mdb, unsigned flags, MDB_dbi databases_out[DATABASE_COUNT]);

/** Takes DIR/owner.lock, trying for `wait_ms`. ERR_CONFLICT: another has it. */
enum err owner_lock_take(struct task *task, str folder, int64_t wait_ms, int *file_out);

enum err lanes_start(struct task *task, struct store *store);
/** Answers what was not begun, waits for what was, ends the threads. */
void lanes_stop(struct store *store);
enum err committer_start(struct task *task, struct store *store);
/** After lanes_stop. */
void committer_stop(struct store *store);
enum err keeper_start(struct task *task, struct store *store);
void keeper_stop(struct store *store);

/** A thread that takes no signals. */
enum err thread_start(struct task *task, pthread_t *thread, const char *name, void *(*run)(void *),
                      void *owner);
