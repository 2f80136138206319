#include "store/snapshot.h"

#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

constexpr int64_t LOOK_MS = 1000;
constexpr uint32_t LOOKS_PER_READER_CHECK = 60;
constexpr uint64_t DISK_FREE_BYTES_MIN = 64 * MIB; /** below: a warning a minute */

/** Snapshots that are open for too long keep LMDB from reusing pages: each is named once. */
static void look_at_readers(struct store *store)
{
    int64_t now_ns = clock_monotonic_ns();
    pthread_mutex_lock(&store->all_lock);
    for (struct txn *txn = store->all; txn != nullptr; txn = txn->next_all) {
        int64_t opened_at_ns = atomic_load_explicit(&txn->opened_at_ns, memory_order_relaxed);
        int64_t age_ms = (now_ns - opened_at_ns) / 1'000'000;
        bool is_old = opened_at_ns != 0 && age_ms > READER_AGE_MS_MAX &&
                      !atomic_load_explicit(&txn->is_long, memory_order_relaxed);
        if (is_old && !txn->was_reported)
            log_warning("keeper", "a snapshot is open for %lld ms", (long long)age_ms);
        txn->was_reported = is_old;
    }
    pthread_mutex_unlock(&store->all_lock);
}

static void look_at_environment(struct store *store)
{
    int dead = 0;
    int code = mdb_reader_check(store->mdb, &dead);
    if (code != 0) log_warning("keeper", "reader check: %s", mdb_strerror(code));
    if (dead > 0) log_info("keeper", "%d readers of dead processes removed", dead);
    struct statvfs disk;
    if (statvfs(store->folder, &disk) != 0) return;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes < DISK_FREE_BYTES_MIN)
        log_warning("keeper", "only %llu KiB are free on the disk of %s",
                    (unsigned long long)(free_bytes / KIB), store->folder);
}

/** Sleeps until the next look; false at the end. */
static bool keeper_wait(struct keeper *keeper)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_MS / 1000;
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->is_closing &&
           pthread_cond_timedwait(&keeper->wakes, &keeper->lock, &until) == 0)
        continue;
    bool is_closing = keeper->is_closing;
    pthread_mutex_unlock(&keeper->lock);
    return !is_closing;
}

static void *keeper_thread(void *argument)
{
    struct store *store = argument;
    for (uint32_t look = 0;; look++) {
        if (look % LOOKS_PER_READER_CHECK == 0) look_at_environment(store);
        look_at_readers(store);
        if (!keeper_wait(&store->keeper)) return nullptr;
    }
}

enum err keeper_start(struct task *task, struct store *store)
{
    TRY(thread_start(task, &store->keeper.thread, "keeper", keeper_thread, store));
    store->keeper.is_started = true;
    return ERR_NONE;
}

void keeper_stop(struct store *store)
{
    struct keeper *keeper = &store->keeper;
    pthread_mutex_lock(&keeper->lock);
    keeper->is_closing = true;
    pthread_cond_signal(&keeper->wakes);
    pthread_mutex_unlock(&keeper->lock);
    if (keeper->is_started) pthread_join(keeper->thread, nullptr);
}
