#include "store/lane.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/require.h"

constexpr int64_t FULL_LOG_NS = 1'000'000'000;

void committer_take(struct store *store, struct batch *batch)
{
    struct committer *committer = &store->committer;
    batch->next = nullptr;
    pthread_mutex_lock(&committer->lock);
    if (committer->last != nullptr) committer->last->next = batch;
    else committer->first = batch;
    committer->last = batch;
    atomic_fetch_add(&committer->waiting, 1);
    pthread_cond_signal(&committer->has_batch);
    pthread_mutex_unlock(&committer->lock);
}

/** Waits for batches and takes as many as fit one commit, at least one; nullptr: the end. What a
 *  lane may have here is bounded by its chain, so first come, first served is fair to all. */
static struct batch *group_take(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    while (committer->first == nullptr && !committer->is_closing)
        pthread_cond_wait(&committer->has_batch, &committer->lock);
    struct batch *group = committer->first, *last = group;
    if (group != nullptr) {
        size_t bytes = group->bytes.len;
        uint32_t taken = 1;
        while (last->next != nullptr && bytes + last->next->bytes.len <= COMMIT_BYTES_MAX) {
            last = last->next;
            bytes += last->bytes.len;
            taken++;
        }
        atomic_fetch_sub(&committer->waiting, taken);
        committer->first = last->next;
        if (committer->first == nullptr) committer->last = nullptr;
        last->next = nullptr;
    }
    pthread_mutex_unlock(&committer->lock);
    return group;
}

/** The outcome of a commit is unknown, or the environment is lost to this process: nobody is
 *  answered. */
[[noreturn]] static void break_down(struct store *store, int code)
{
    log_error("committer", "the environment cannot go on: %s", mdb_strerror(code));
    if (store->broken != nullptr) store->broken(str_of(mdb_strerror(code)));
    abort();
}

static bool is_full(int code)
{
    return code == MDB_MAP_FULL || code == MDB_TXN_FULL || code == ENOSPC || code == EDQUOT ||
           code == ENOMEM;
}

/** After a full disk the environment must still take transactions: a failed write of the meta page
 *  does not. */
static void look_whether_alive(struct store *store)
{
    MDB_txn *mdb;
    int code = mdb_txn_begin(store->mdb, nullptr, 0, &mdb);
    if (code == 0) mdb_txn_abort(mdb);
    else if (!is_full(code)) break_down(store, code);
}

/** A full disk is told once a second, however many try. */
static void log_full(struct committer *committer, int code)
{
    int64_t now_ns = clock_monotonic_ns();
    if (committer->full_at_ns != 0 && now_ns - committer->full_at_ns < FULL_LOG_NS) return;
    committer->full_at_ns = now_ns;
    log_warning("committer", "not committed: %s", mdb_strerror(code));
}

static bool group_has_bytes(const struct batch *group)
{
    for (const struct batch *batch = group; batch != nullptr; batch = batch->next)
        if (batch->bytes.len > 0) return true;
    return false;
}

/** Applies the batches of a list in one transaction and commits. ERR_NONE or ERR_FULL. */
static enum err group_commit(struct store *store, const struct batch *group)
{
    MDB_txn *mdb;
    uint64_t bytes = 0;
    if (!group_has_bytes(group)) return ERR_NONE;
    int code = mdb_txn_begin(store->mdb, nullptr, 0, &mdb);
    if (code == 0) {
        for (const struct batch *batch = group; batch != nullptr && code == 0;
             batch = batch->next) {
            if (batch->bytes.len > 0) code = batch_apply(mdb, store->databases, batch->bytes);
            bytes += batch->bytes.len;
        }
        if (code == 0) code = mdb_txn_commit(mdb);
        else mdb_txn_abort(mdb);
    }
    if (code == 0) {
        atomic_fetch_add(&store->commits, 1);
        atomic_fetch_add(&store->committed_bytes, bytes);
        return ERR_NONE;
    }
    if (!is_full(code)) break_down(store, code);
    log_full(&store->committer, code);
    look_whether_alive(store);
    return ERR_FULL;
}

void store_watch(struct store *store,
                 void (*committed)(void *owner, uint32_t tenant, uint64_t newest), void *owner)
{
    pthread_mutex_lock(&store->watch.lock);
    store->watch.committed = committed;
    store->watch.owner = owner;
    pthread_mutex_unlock(&store->watch.lock);
}

void store_watch_outbox(struct store *store, void (*committed)(void *owner, uint32_t tenant),
                        void *owner)
{
    pthread_mutex_lock(&store->watch.lock);
    store->watch.outbox_grew = committed;
    store->watch.outbox_owner = owner;
    pthread_mutex_unlock(&store->watch.lock);
}

static void group_tell(struct store *store, const struct batch *group)
{
    struct watch *watch = &store->watch;
    pthread_mutex_lock(&watch->lock);
    for (const struct batch *batch = group; batch != nullptr; batch = batch->next) {
        uint32_t tenant = batch->lane->space.number;
        if (batch->log_newest > 0 && watch->committed != nullptr)
            watch->committed(watch->owner, tenant, batch->log_newest);
        if (batch->has_outbox && watch->outbox_grew != nullptr)
            watch->outbox_grew(watch->outbox_owner, tenant);
    }
    pthread_mutex_unlock(&watch->lock);
}

/** Lanes go on before their works are answered, so that the next group forms meanwhile. */
static void group_end(struct store *store, struct batch *group, enum err err)
{
    if (err == ERR_NONE) group_tell(store, group);
    for (struct batch *batch = group; batch != nullptr; batch = batch->next)
        lane_release(store, batch->lane);
    for (struct batch *batch = group, *next; batch != nullptr; batch = next) {
        next = batch->next;
        batch_answer(store, batch, err);
        batch_close(batch);
    }
}

/** One tenant's large batch must not cost the others theirs: each by itself. But what was built on
 *  one that failed fails with it. */
static void group_commit_singly(struct store *store, struct batch *group)
{
    for (struct batch *batch = group, *next; batch != nullptr; batch = next) {
        next = batch->next;
        batch->next = nullptr;
        enum err err;
        if (!batch_is_broken(store, batch, &err)) {
            err = group_commit(store, batch);
            if (err != ERR_NONE) batch_break(store, batch, err);
        }
        group_end(store, batch, err);
    }
}

static bool group_is_broken(struct store *store, const struct batch *group)
{
    enum err err;
    for (const struct batch *batch = group; batch != nullptr; batch = batch->next)
        if (batch_is_broken(store, batch, &err)) return true;
    return false;
}

static void *committer_thread(void *argument)
{
    struct store *store = argument;
    for (;;) {
        struct batch *group = group_take(&store->committer);
        if (group == nullptr) return nullptr;
        bool is_committed =
            !group_is_broken(store, group) && group_commit(store, group) == ERR_NONE;
        if (is_committed) group_end(store, group, ERR_NONE);
        else group_commit_singly(store, group);
    }
}

enum err committer_start(struct task *task, struct store *store)
{
    struct committer *committer = &store->committer;
    TRY(thread_start(task, &committer->thread, "committer", committer_thread, store));
    committer->is_started = true;
    return ERR_NONE;
}

void committer_stop(struct store *store)
{
    struct committer *committer = &store->committer;
    pthread_mutex_lock(&committer->lock);
    committer->is_closing = true;
    pthread_cond_signal(&committer->has_batch);
    pthread_mutex_unlock(&committer->lock);
    if (committer->is_started) pthread_join(committer->thread, nullptr);
    require(committer->first == nullptr);
}
