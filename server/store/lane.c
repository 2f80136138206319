#include "store/lane.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/require.h"

/* The queue: everything here is called under lanes.lock. */

static struct lane **lane_link(struct lanes *lanes, uint32_t number)
{
    struct lane **link = &lanes->buckets[number % LANE_BUCKETS];
    while (*link != nullptr && (*link)->space.number != number) link = &(*link)->next_bucket;
    return link;
}

static void *lane_thread(void *argument);

/** One more, when all there are wait in the middle of a lane. Without it they are served later. */
static void thread_add(struct lanes *lanes)
{
    struct arena arena;
    arena_init(&arena, ARENA_BLOCK_BYTES);
    struct task quiet = {.arena = &arena};
    pthread_t *thread = &lanes->threads[lanes->thread_count];
    if (thread_start(&quiet, thread, "lane", lane_thread, lanes->store) == ERR_NONE)
        lanes->thread_count++;
    arena_drop(&arena);
}

/** Sees to it that somebody serves the lanes that are ready. */
static void ready_tell(struct lanes *lanes)
{
    if (lanes->ready_first == nullptr || lanes->served_count >= LANES_SERVED_MAX) return;
    if (lanes->idle_count > 0) pthread_cond_signal(&lanes->is_ready);
    else if (lanes->thread_count < LANE_THREADS_MAX && !lanes->is_closing) thread_add(lanes);
}

static void ready_push(struct lanes *lanes, struct lane *lane)
{
    lane->next_ready = nullptr;
    if (lanes->ready_last != nullptr) lanes->ready_last->next_ready = lane;
    else lanes->ready_first = lane;
    lanes->ready_last = lane;
    ready_tell(lanes);
}

/** nullptr: none is ready, or enough are being served. */
static struct lane *ready_take(struct lanes *lanes)
{
    struct lane *lane = lanes->ready_first;
    if (lane == nullptr || lanes->served_count >= LANES_SERVED_MAX) return nullptr;
    lanes->ready_first = lane->next_ready;
    if (lanes->ready_first == nullptr) lanes->ready_last = nullptr;
    return lane;
}

/** The lane goes where it belongs now; false: it is over, and the caller ends it (lane_end) when it
 *  has let go of the lock. */
static bool lane_settle(struct lanes *lanes, struct lane *lane)
{
    if (lane->is_taken) return true;
    bool may_go_on = lane->in_flight == 0 || !lane->is_full;
    bool must_hand_in = lane->has_open && lane->in_flight == 0;
    if (must_hand_in || (lane->waiting > 0 && may_go_on)) {
        lane->is_taken = true;
        ready_push(lanes, lane);
    }
    if (lane->waiting > 0 || lane->in_flight > 0 || lane->has_open) return true;
    struct lane **link = lane_link(lanes, lane->space.number);
    require(*link == lane);
    *link = lane->next_bucket;
    lanes->live--;
    if (lanes->is_closing) pthread_cond_broadcast(&lanes->is_ready);
    return false;
}

static void lane_end(struct lane *lane)
{
    require(lane->open == nullptr);
    if (lane->txn != nullptr) txn_close(lane->txn);
    memory_give(lane);
}

static struct lane *lane_make(struct lanes *lanes, struct lane **link, const struct space *space)
{
    struct lane *lane = memory_take(sizeof(*lane));
    lane->space = *space;
    lane->end = &lane->first;
    lane->chain = 1;
    *link = lane;
    lanes->live++;
    return lane;
}

enum err store_submit(struct store *store, const struct space *space, struct work *work)
{
    require(space->store == store);
    require(work->run != nullptr);
    require(work->done != nullptr);
    struct lanes *lanes = &store->lanes;
    pthread_mutex_lock(&lanes->lock);
    struct lane **link = lane_link(lanes, space->number), *lane = *link;
    if (lanes->is_closing || (lane != nullptr && lane->waiting == LANE_QUEUE_MAX)) {
        pthread_mutex_unlock(&lanes->lock);
        return ERR_FULL;
    }
    if (lane == nullptr) lane = lane_make(lanes, link, space);
    work->next = nullptr;
    *lane->end = work;
    lane->end = &work->next;
    lane->waiting++;
    bool is_settled = lane_settle(lanes, lane);
    pthread_mutex_unlock(&lanes->lock);
    require(is_settled);
    return ERR_NONE;
}

void lane_release(struct store *store, struct lane *lane)
{
    struct lanes *lanes = &store->lanes;
    pthread_mutex_lock(&lanes->lock);
    require(lane->in_flight > 0);
    lane->in_flight--;
    bool is_settled = lane_settle(lanes, lane);
    pthread_mutex_unlock(&lanes->lock);
    if (!is_settled) lane_end(lane);
}

bool batch_is_broken(struct store *store, const struct batch *batch, enum err *err_out)
{
    pthread_mutex_lock(&store->lanes.lock);
    const struct lane *lane = batch->lane;
    bool is_broken = lane->broken_chain == batch->chain;
    if (is_broken) *err_out = lane->broken_err;
    pthread_mutex_unlock(&store->lanes.lock);
    return is_broken;
}

void batch_break(struct store *store, const struct batch *batch, enum err err)
{
    pthread_mutex_lock(&store->lanes.lock);
    batch->lane->broken_chain = batch->chain;
    batch->lane->broken_err = err;
    pthread_mutex_unlock(&store->lanes.lock);
}

/** The thread is done with the lane for now. */
static void lane_leave(struct store *store, struct lane *lane, bool is_full)
{
    struct lanes *lanes = &store->lanes;
    pthread_mutex_lock(&lanes->lock);
    lane->is_taken = false;
    lane->is_full = is_full;
    lane->has_open = lane->open != nullptr;
    bool is_settled = lane_settle(lanes, lane);
    pthread_mutex_unlock(&lanes->lock);
    if (!is_settled) lane_end(lane);
}

/** The lane's next work, or nullptr; while the store closes there is none. */
static struct work *lane_take(struct store *store, struct lane *lane)
{
    struct lanes *lanes = &store->lanes;
    pthread_mutex_lock(&lanes->lock);
    struct work *work = lanes->is_closing ? nullptr : lane->first;
    if (work != nullptr) {
        lane->first = work->next;
        if (lane->first == nullptr) lane->end = &lane->first;
        lane->waiting--;
    }
    pthread_mutex_unlock(&lanes->lock);
    return work;
}

/** While closing: all that waits in a lane is answered. */
static void lane_refuse(struct store *store, struct lane *lane)
{
    struct lanes *lanes = &store->lanes;
    pthread_mutex_lock(&lanes->lock);
    struct work *work = lane->first;
    lane->first = nullptr;
    lane->end = &lane->first;
    lane->waiting = 0;
    pthread_mutex_unlock(&lanes->lock);
    while (work != nullptr) {
        struct work *next = work->next;
        work->done(work, ERR_FULL);
        work = next;
    }
}

/* Waiting in the middle of a lane. */

/** What this thread serves; nullptr: it is no lane thread. */
static _Thread_local struct {
    struct lanes *lanes;
    bool is_waiting; /** it does not count as serving */
} serving;

static void set_waiting(bool is_waiting)
{
    struct lanes *lanes = serving.lanes;
    if (lanes == nullptr || serving.is_waiting == is_waiting) return;
    serving.is_waiting = is_waiting;
    pthread_mutex_lock(&lanes->lock);
    require(!is_waiting || lanes->served_count > 0);
    lanes->served_count += is_waiting ? -1U : 1U;
    if (is_waiting) ready_tell(lanes);
    pthread_mutex_unlock(&lanes->lock);
}

void store_wait_begins(void)
{
    set_waiting(true);
}

void store_wait_ends(void)
{
    set_waiting(false);
}

/* Running. */

struct attempt {
    struct work *work;
    struct txn *txn;
};

static enum err attempt_run(void *argument)
{
    struct attempt *attempt = argument;
    return attempt->work->run(attempt->work, attempt->txn);
}

static enum err attempt_run_guarded(void *argument)
{
    struct attempt *attempt = argument;
    if (attempt->work->arena == nullptr) return attempt_run(attempt);
    return arena_guard(attempt->work->arena, attempt_run, attempt);
}

/** Runs one work behind a savepoint and two guards: the pending writes' arena and its own. */
static enum err work_run(struct work *work, struct txn *txn)
{
    if (!work->is_of_gone && txn_is_shut(txn)) return ERR_MISSING;
    struct savepoint savepoint = txn_savepoint(txn);
    struct attempt attempt = {work, txn};
    jmp_buf *escape = work->arena == nullptr ? nullptr : work->arena->escape;
    enum err err = arena_guard(&txn->arena, attempt_run_guarded, &attempt);
    /* It may have been left by a guard in the middle of a wait. */
    store_wait_ends();
    /* Leaving by the outer guard passes the inner one by. */
    if (work->arena != nullptr) work->arena->escape = escape;
    if (err == ERR_NONE) err = txn->broken;
    if (err == ERR_NONE && arena_is_over(&txn->arena)) err = ERR_TOO_LARGE;
    if (err != ERR_NONE) txn_rollback(txn, savepoint);
    txn_scans_close(txn);
    txn_set_task(txn, nullptr);
    txn->broken = ERR_NONE;
    return err;
}

static void batch_add(struct batch *batch, struct work *work, enum err err)
{
    work->err = err;
    work->next = nullptr;
    *batch->works_end = work;
    batch->works_end = &work->next;
    batch->work_count++;
}

/** Runs what waits, up to the bounds of a group, in one transaction. */
static void group_run(struct store *store, struct lane *lane, struct txn *txn, struct batch *batch)
{
    int64_t end_ns = clock_monotonic_ns() + LANE_GROUP_NS_MAX;
    while (batch->work_count < LANE_GROUP_WORKS_MAX) {
        struct work *work = lane_take(store, lane);
        if (work == nullptr) return;
        batch_add(batch, work, work_run(work, txn));
        if (clock_monotonic_ns() >= end_ns || arena_is_over(&txn->arena) ||
            txn->pending.live_bytes >= COMMIT_BYTES_MAX)
            return;
    }
}

void batch_answer(struct store *store, struct batch *batch, enum err err)
{
    for (struct work *work = batch->works, *next; work != nullptr; work = next) {
        next = work->next;
        enum err answer = err != ERR_NONE ? err : work->err;
        if (answer == ERR_NONE) atomic_fetch_add(&store->works_done, 1);
        else atomic_fetch_add(&store->works_failed, 1);
        work->done(work, answer);
    }
}

/* Chains. */

/** Opens the chain's transaction, or goes on with the one that is open. *has_before_out: batches
 *  that this group is built upon are still with the committer. */
static enum err chain_open(struct store *store, struct lane *lane, bool *has_before_out)
{
    struct lanes *lanes = &store->lanes;
    pthread_mutex_lock(&lanes->lock);
    bool is_broken = lane->broken_chain == lane->chain;
    *has_before_out = lane->in_flight > 0 && !is_broken;
    if (!*has_before_out) lane->chain++;
    pthread_mutex_unlock(&lanes->lock);
    if (*has_before_out) {
        require(lane->txn != nullptr);
        pending_next_group(&lane->txn->pending);
        return ERR_NONE;
    }
    if (lane->txn != nullptr) txn_close(lane->txn);
    lane->txn = nullptr;
    return txn_open_lane(store, &lane->space, &lane->txn);
}

static bool chain_is_full(const struct txn *txn)
{
    int64_t opened_at_ns = atomic_load_explicit(&txn->opened_at_ns, memory_order_relaxed);
    return txn->arena.used_bytes >= CHAIN_BYTES_MAX ||
           txn->pending.entry_count >= CHAIN_ENTRIES_MAX ||
           clock_monotonic_ns() - opened_at_ns >= CHAIN_NS_MAX;
}

/** Whether nothing more may be built on what is with the committer. It may have become so while the
 *  lane was at rest. */
static bool chain_must_rest(struct store *store, const struct lane *lane)
{
    pthread_mutex_lock(&store->lanes.lock);
    bool goes_on = lane->in_flight > 0 && lane->broken_chain != lane->chain;
    pthread_mutex_unlock(&store->lanes.lock);
    return goes_on && chain_is_full(lane->txn);
}

static void batch_hand_in(struct store *store, struct batch *batch)
{
    struct lane *lane = batch->lane;
    struct txn *txn = lane->txn;
    if (txn->pending.live_count > 0) {
        batch_write(batch, lane->space.number, &txn->pending);
        if (txn->has_logged) batch->log_newest = txn_log_newest(txn);
        txn->has_logged = false;
    }
    pthread_mutex_lock(&store->lanes.lock);
    lane->in_flight++;
    batch->chain = lane->chain;
    pthread_mutex_unlock(&store->lanes.lock);
    committer_take(store, batch);
}

/** The group that was left open; nullptr: there is none, or what it was built upon was not
 *  committed, and it has been told so. */
static struct batch *group_resume(struct store *store, struct lane *lane)
{
    struct batch *batch = lane->open;
    lane->open = nullptr;
    if (batch == nullptr) return nullptr;
    pthread_mutex_lock(&store->lanes.lock);
    bool is_broken = lane->broken_chain == lane->chain;
    enum err err = lane->broken_err;
    pthread_mutex_unlock(&store->lanes.lock);
    if (!is_broken) return batch;
    batch_answer(store, batch, err);
    batch_close(batch);
    return nullptr;
}

/** Whether the group would only wait if it were handed in now: a batch of this lane is being
 *  committed, and no other's is next, which it could go with. */
static bool group_stays_open(struct store *store, const struct lane *lane,
                             const struct batch *batch)
{
    const struct txn *txn = lane->txn;
    if (batch->work_count == LANE_GROUP_WORKS_MAX || arena_is_over(&txn->arena) ||
        txn->pending.live_bytes >= COMMIT_BYTES_MAX || chain_is_full(txn))
        return false;
    pthread_mutex_lock(&store->lanes.lock);
    uint32_t in_flight = store->lanes.is_closing ? 0 : lane->in_flight;
    pthread_mutex_unlock(&store->lanes.lock);
    return in_flight > 1 || (in_flight == 1 && atomic_load(&store->committer.waiting) == 0);
}

/** One group of one lane. Answers wait for the commit also where a work failed: it may have failed
 *  because of writes of its group, or of those before, that are not durable yet. */
static void lane_serve(struct store *store, struct lane *lane)
{
    struct batch *batch = group_resume(store, lane);
    bool has_before = batch != nullptr;
    enum err err = ERR_NONE;
    if (batch == nullptr && chain_must_rest(store, lane)) {
        lane_leave(store, lane, true);
        return;
    }
    if (batch == nullptr) {
        batch = batch_open(lane);
        err = chain_open(store, lane, &has_before);
    }
    if (err == ERR_NONE) {
        if (!chain_is_full(lane->txn)) group_run(store, lane, lane->txn, batch);
        bool is_full = chain_is_full(lane->txn);
        if (group_stays_open(store, lane, batch)) {
            lane->open = batch;
            lane_leave(store, lane, is_full);
            return;
        }
        if (has_before || lane->txn->pending.live_count > 0) {
            batch_hand_in(store, batch);
            lane_leave(store, lane, is_full);
            return;
        }
    } else {
        struct work *work;
        while (batch->work_count < LANE_GROUP_WORKS_MAX &&
               (work = lane_take(store, lane)) != nullptr)
            batch_add(batch, work, err);
    }
    /* Without a transaction no chain can go on; it rests until the committer has what there is. */
    lane_leave(store, lane, true);
    batch_answer(store, batch, ERR_NONE);
    batch_close(batch);
}

/** The next lane for this thread; nullptr: there will be none any more. */
static struct lane *lane_next(struct lanes *lanes, bool *is_closing_out)
{
    struct lane *lane;
    pthread_mutex_lock(&lanes->lock);
    while ((lane = ready_take(lanes)) == nullptr && !(lanes->is_closing && lanes->live == 0)) {
        lanes->idle_count++;
        pthread_cond_wait(&lanes->is_ready, &lanes->lock);
        lanes->idle_count--;
    }
    if (lane != nullptr) lanes->served_count++;
    /* Several may have become ready behind one signal. */
    ready_tell(lanes);
    *is_closing_out = lanes->is_closing;
    pthread_mutex_unlock(&lanes->lock);
    return lane;
}

static void *lane_thread(void *argument)
{
    struct store *store = argument;
    struct lane *lane;
    bool is_closing;
    serving.lanes = &store->lanes;
    while ((lane = lane_next(&store->lanes, &is_closing)) != nullptr) {
        if (is_closing && lane->open == nullptr) {
            lane_refuse(store, lane);
            lane_leave(store, lane, true);
        } else {
            lane_serve(store, lane);
        }
        pthread_mutex_lock(&store->lanes.lock);
        store->lanes.served_count--;
        pthread_mutex_unlock(&store->lanes.lock);
    }
    return nullptr;
}

enum err lanes_start(struct task *task, struct store *store)
{
    struct lanes *lanes = &store->lanes;
    lanes->store = store;
    for (uint32_t i = 0; i < LANES_SERVED_MAX; i++) {
        TRY(thread_start(task, &lanes->threads[i], "lane", lane_thread, store));
        lanes->thread_count++;
    }
    return ERR_NONE;
}

void lanes_stop(struct store *store)
{
    struct lanes *lanes = &store->lanes;
    pthread_mutex_lock(&lanes->lock);
    lanes->is_closing = true;
    pthread_cond_broadcast(&lanes->is_ready);
    pthread_mutex_unlock(&lanes->lock);
    for (uint32_t i = 0; i < lanes->thread_count; i++) pthread_join(lanes->threads[i], nullptr);
    require(lanes->thread_count < LANES_SERVED_MAX || lanes->live == 0);
}

/* Waiting for a work. */

struct waiting_work {
    struct work work;
    struct work *inner;
    pthread_mutex_t lock; /** guards is_done and err; the waiter and the committer */
    pthread_cond_t has_ended;
    bool is_done;
    enum err err;
};

static enum err waiting_run(struct work *work, struct txn *txn)
{
    struct waiting_work *waiting = (struct waiting_work *)work;
    return waiting->inner->run(waiting->inner, txn);
}

static void waiting_done(struct work *work, enum err err)
{
    struct waiting_work *waiting = (struct waiting_work *)work;
    if (waiting->inner->done != nullptr) waiting->inner->done(waiting->inner, err);
    pthread_mutex_lock(&waiting->lock);
    waiting->is_done = true;
    waiting->err = err;
    pthread_cond_signal(&waiting->has_ended);
    pthread_mutex_unlock(&waiting->lock);
}

enum err store_write(struct store *store, const struct space *space, struct work *work)
{
    struct waiting_work waiting = {
        .work = {.run = waiting_run,
                 .done = waiting_done,
                 .arena = work->arena,
                 .is_of_gone = work->is_of_gone},
        .inner = work,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .has_ended = PTHREAD_COND_INITIALIZER,
    };
    TRY(store_submit(store, space, &waiting.work));
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.is_done) pthread_cond_wait(&waiting.has_ended, &waiting.lock);
    pthread_mutex_unlock(&waiting.lock);
    pthread_mutex_destroy(&waiting.lock);
    pthread_cond_destroy(&waiting.has_ended);
    return waiting.err;
}
