#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/require.h"
#include "store/files.h"
#include "store/keyring.h"
#include "store/master.h"
#include "store/snapshot.h"

constexpr int64_t OWNER_WAIT_MS = 2000;

static void locks_make(struct store *store)
{
    for (uint32_t i = 0; i < READER_POOLS; i++)
        pthread_mutex_init(&store->readers[i].lock, nullptr);
    pthread_mutex_init(&store->all_lock, nullptr);
    pthread_mutex_init(&store->master_lock, nullptr);
    pthread_mutex_init(&store->lanes.lock, nullptr);
    pthread_cond_init(&store->lanes.is_ready, nullptr);
    pthread_mutex_init(&store->committer.lock, nullptr);
    pthread_cond_init(&store->committer.has_batch, nullptr);
    pthread_mutex_init(&store->watch.lock, nullptr);
    pthread_mutex_init(&store->keeper.lock, nullptr);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&store->keeper.wakes, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void locks_drop(struct store *store)
{
    for (uint32_t i = 0; i < READER_POOLS; i++) pthread_mutex_destroy(&store->readers[i].lock);
    pthread_mutex_destroy(&store->all_lock);
    pthread_mutex_destroy(&store->master_lock);
    pthread_mutex_destroy(&store->lanes.lock);
    pthread_cond_destroy(&store->lanes.is_ready);
    pthread_mutex_destroy(&store->committer.lock);
    pthread_cond_destroy(&store->committer.has_batch);
    pthread_mutex_destroy(&store->watch.lock);
    pthread_mutex_destroy(&store->keeper.lock);
    pthread_cond_destroy(&store->keeper.wakes);
}

static enum err folder_make(struct task *task, const struct store_options *options)
{
    char *data_file = path_join(task, options->folder, "data.mdb");
    char *folder = arena_cstring(task->arena, options->folder);
    struct stat about;
    if (options->must_exist && stat(data_file, &about) != 0)
        return fail(task, errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, "%s: %s", data_file,
                    strerror(errno));
    /* An owner would fill it, and find that everything holds. */
    if (options->must_exist && about.st_size == 0)
        return fail(task, ERR_CORRUPT, "%s is empty.", data_file);
    if (options->must_exist || mkdir(folder, 0700) == 0 || errno == EEXIST) return ERR_NONE;
    return fail(task, ERR_SYSTEM, "%s: %s", folder, strerror(errno));
}

static enum err store_start(struct task *task, struct store *store,
                            const struct store_options *options)
{
    str folder = str_of(store->folder);
    bool is_new, is_half, is_locked;
    store->keyring = keyring_make();
    store->master = locked_take(sizeof *store->master, &is_locked);
    TRY(owner_lock_take(task, folder, OWNER_WAIT_MS, &store->owner_lock));
    TRY(master_open(task, store, options->passphrase, &is_new, &is_half));
    keyring_set_master(store->keyring, &store->master->key,
                       store->master->has_former ? &store->master->former : nullptr);
    TRY(mdb_open_folder(task, folder, options->map_bytes, &store->mdb, store->databases));
    TRY(keyring_open(task, store));
    if (is_half) TRY(rewrap_resume(task, store));
    if (is_new) TRY(master_keep(task, store));
    TRY(folder_sync(task, folder));
    TRY(committer_start(task, store));
    TRY(lanes_start(task, store));
    return keeper_start(task, store);
}

enum err store_open(struct task *task, const struct store_options *options,
                    struct store **store_out)
{
    require(options->folder.len > 0);
    TRY(folder_make(task, options));
    struct store *store = memory_take(sizeof(*store));
    store->folder = memory_take(options->folder.len + 1);
    memcpy(store->folder, options->folder.at, options->folder.len);
    store->broken = options->broken;
    store->owner_lock = -1;
    locks_make(store);
    enum err err = store_start(task, store, options);
    if (err == ERR_NONE) *store_out = store;
    else store_close(store);
    return err;
}

void store_close(struct store *store)
{
    lanes_stop(store);
    committer_stop(store);
    keeper_stop(store);
    snapshots_drop(store);
    if (store->mdb != nullptr) mdb_env_close(store->mdb);
    if (store->owner_lock >= 0) close(store->owner_lock);
    locks_drop(store);
    keyring_drop(store->keyring);
    if (store->master != nullptr) locked_give(store->master);
    memory_give(store->folder);
    bytes_wipe(store, sizeof(*store));
    memory_give(store);
}

str store_folder(const struct store *store)
{
    return str_of(store->folder);
}

struct space store_instance(struct store *store)
{
    return store_space(store, 0, store->instance_uuid);
}

struct space store_space(struct store *store, uint32_t number, struct id uuid)
{
    return (struct space){store, number, uuid, store->hash_key};
}

struct store_figures store_figures(struct store *store)
{
    struct store_figures figures = {
        .commits = atomic_load(&store->commits),
        .works_done = atomic_load(&store->works_done),
        .works_failed = atomic_load(&store->works_failed),
        .committed_bytes = atomic_load(&store->committed_bytes),
    };
    MDB_envinfo about;
    MDB_stat stat;
    if (mdb_env_info(store->mdb, &about) == 0) figures.pages_used = about.me_last_pgno + 1;
    if (mdb_env_stat(store->mdb, &stat) == 0) figures.page_bytes = stat.ms_psize;
    pthread_mutex_lock(&store->lanes.lock);
    figures.lanes_live = store->lanes.live;
    pthread_mutex_unlock(&store->lanes.lock);
    int64_t now_ns = clock_monotonic_ns();
    pthread_mutex_lock(&store->all_lock);
    for (struct txn *txn = store->all; txn != nullptr; txn = txn->next_all) {
        int64_t opened_at_ns = atomic_load_explicit(&txn->opened_at_ns, memory_order_relaxed);
        if (opened_at_ns == 0) continue;
        int64_t age_ms = (now_ns - opened_at_ns) / 1'000'000;
        figures.readers_open++;
        if (age_ms > figures.oldest_reader_ms) figures.oldest_reader_ms = age_ms;
    }
    pthread_mutex_unlock(&store->all_lock);
    return figures;
}
