/* The threads of the outbox: whose turn it is, what is due of it, and what becomes of it. */
#include <pthread.h>
#include <time.h>

#include "access/tenant.h"
#include "base/clock.h"
#include "base/fold.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/require.h"
#include "work/outbox.h"

constexpr int64_t NS_PER_MS = 1'000'000;
constexpr int64_t NS_PER_S = 1000 * NS_PER_MS;
constexpr int64_t HOUR_NS = 3600 * NS_PER_S;
constexpr int64_t QUICK_NS = 25 * NS_PER_MS;         /** a turn as short as this may be of more */
constexpr int64_t FULL_WAIT_NS_MIN = 50 * NS_PER_MS; /** without room; then twice as long */
constexpr int64_t FULL_WAIT_NS_MAX = 10'000 * NS_PER_MS;
constexpr uint32_t KINDS_MAX = 8;

/** A tenant with something in its outbox, or so it is believed. */
struct turn {
    struct turn *next;
    uint32_t tenant;
    int64_t due_ns;
    int64_t wait_ns; /** the last wait for want of room */
    bool is_running;
    bool is_woken; /** while it was running */
    /* Of the thread that has it. */
    uint32_t entries_max; /** of this turn */
    uint32_t first_kind;  /** kinds take turns too */
};

struct thread;

/** One entry on its way through the lane. */
struct attempt {
    struct work work;
    struct thread *thread;
    struct arena arena;
    struct task task;
    const struct outbox_kind *kind;
    int64_t due_ms;
    struct id id;
    str problem; /** put off for this, without being run; empty: it is run */
    bool has_job;
    enum err err;
};

struct thread {
    struct outbox *outbox;
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock; /** guards `left` */
    pthread_cond_t is_done;
    uint32_t left;
    struct tenant tenant;             /** of the turn; its model is the schema's own */
    char name[TENANT_NAME_BYTES_MAX]; /** its texts */
    char title[TENANT_TITLE_BYTES_MAX];
    struct attempt attempts[OUTBOX_TURN_ENTRIES_MAX];
};

struct outbox {
    struct outbox_options options;
    uint32_t kind_count;
    struct outbox_kind kinds[KINDS_MAX]; /** and the dead */
    pthread_mutex_t lock;                /** guards all below; held for a few instructions */
    pthread_cond_t has_turn;
    bool is_closing;
    struct turn *first; /** in order of turns */
    struct turn **end;
    bool is_rounding;
    int64_t round_due_ns;
    uint32_t round_after; /** number of the tenant looked at last */
    struct thread threads[OUTBOX_THREADS];
};

/* The queue: everything here is called under outbox->lock. */

static void turn_append(struct outbox *outbox, struct turn *turn)
{
    turn->next = nullptr;
    *outbox->end = turn;
    outbox->end = &turn->next;
}

static void turn_remove(struct outbox *outbox, struct turn *turn)
{
    struct turn **link = &outbox->first;
    while (*link != turn) link = &(*link)->next;
    *link = turn->next;
    if (turn->next == nullptr) outbox->end = link;
}

static struct turn *turn_due(const struct outbox *outbox, int64_t now_ns, int64_t *due_ns_out)
{
    for (struct turn *turn = outbox->first; turn != nullptr; turn = turn->next) {
        if (turn->is_running) continue;
        if (turn->due_ns <= now_ns) return turn;
        if (turn->due_ns < *due_ns_out) *due_ns_out = turn->due_ns;
    }
    return nullptr;
}

/** Any thread, the committer's too: something was put into this tenant's outbox. */
static void wake(void *owner, uint32_t tenant)
{
    struct outbox *outbox = owner;
    pthread_mutex_lock(&outbox->lock);
    struct turn *turn = outbox->is_closing ? nullptr : outbox->first;
    while (turn != nullptr && turn->tenant != tenant) turn = turn->next;
    if (turn != nullptr) {
        turn->is_woken = true;
        if (turn->wait_ns == 0) turn->due_ns = 0;
    } else if (!outbox->is_closing) {
        turn = memory_take(sizeof *turn);
        turn->tenant = tenant;
        turn->entries_max = 1;
        turn_append(outbox, turn);
    }
    pthread_cond_signal(&outbox->has_turn);
    pthread_mutex_unlock(&outbox->lock);
}

/* In the lane. */

/** Whether the fault is the server's or the hour's, and not the entry's. */
static bool is_passing(enum err err)
{
    return err == ERR_FULL || err == ERR_LIMITED || err == ERR_SYSTEM;
}

static str problem_of(struct arena *arena, const struct task *task, enum err err)
{
    str detail = task->fault.detail.len > 0 ? task->fault.detail : err_title(err);
    if (task->fault.item_count == 0) return detail;
    const struct fault_item *item = &task->fault.items[0];
    return arena_print(arena, "%.*s: %.*s%s%.*s", FMT(detail), FMT(item->field),
                       item->field.len > 0 ? ": " : "", FMT(item->message));
}

/** Whether a kind has as many entries as may lie there. What is refused for that would be so again
 *  at once: it stands aside, for those behind it make the room. */
static bool is_full(const struct outbox *outbox, struct txn *txn)
{
    bool is = false;
    for (uint32_t at = 0; at < outbox->options.kind_count && !is; at++)
        is = txn_outbox_room(txn, outbox->kinds[at].name) == ERR_LIMITED;
    return is;
}

static enum err attempt_run(struct work *work, struct txn *txn)
{
    struct attempt *attempt = (struct attempt *)work;
    struct task *task = &attempt->task;
    struct outbox_entry entry;
    txn_set_task(txn, task);
    enum err err = txn_outbox_get(txn, attempt->due_ms, attempt->id, task->arena, &entry);
    /* Somebody has retried or deleted it meanwhile. */
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    entry.kind = arena_copy(task->arena, entry.kind);
    if (attempt->problem.len > 0) {
        outbox_put_off(txn, &entry, attempt->problem);
        return ERR_NONE;
    }
    struct savepoint savepoint = txn_savepoint(txn);
    const struct outbox *outbox = attempt->thread->outbox;
    /* First of all, so that there is room for what follows from it. */
    txn_outbox_delete(txn, entry.due_ms, entry.id);
    err = attempt->kind->run(outbox->options.owner, txn, &attempt->thread->tenant, &entry);
    attempt->has_job = task->has_job;
    if (err == ERR_NONE) return ERR_NONE;
    str problem = problem_of(task->arena, task, err);
    bool is_refused_room = err == ERR_LIMITED && task->fault.wait_ms == 0;
    if (is_passing(err) && !is_refused_room) return err;
    txn_rollback(txn, savepoint);
    if (is_passing(err) && !is_full(outbox, txn)) return err;
    attempt->has_job = false;
    outbox_put_off(txn, &entry, problem);
    return ERR_NONE;
}

static void attempt_done(struct work *work, enum err err)
{
    struct attempt *attempt = (struct attempt *)work;
    struct thread *thread = attempt->thread;
    attempt->err = err;
    pthread_mutex_lock(&thread->lock);
    thread->left--;
    pthread_cond_signal(&thread->is_done);
    pthread_mutex_unlock(&thread->lock);
}

static bool attempt_submit(struct attempt *attempt)
{
    struct thread *thread = attempt->thread;
    struct tenant *tenant = &thread->tenant;
    attempt->work =
        (struct work){.run = attempt_run, .done = attempt_done, .arena = &attempt->arena};
    task_init(&attempt->task, &attempt->arena);
    attempt->task.request_id = attempt->id;
    pthread_mutex_lock(&thread->lock);
    thread->left++;
    pthread_mutex_unlock(&thread->lock);
    /* Once it is taken, another thread writes what came of it, perhaps before this returns. */
    enum err err = store_submit(tenant->space.store, &tenant->space, &attempt->work);
    if (err == ERR_NONE) return true;
    attempt->err = err;
    pthread_mutex_lock(&thread->lock);
    thread->left--;
    pthread_mutex_unlock(&thread->lock);
    return false;
}

static void attempts_wait(struct thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    while (thread->left > 0) pthread_cond_wait(&thread->is_done, &thread->lock);
    pthread_mutex_unlock(&thread->lock);
}

/** The time of one that is dead is over. */
static enum err dead_forget(void *, struct txn *, const struct tenant *,
                            const struct outbox_entry *)
{
    return ERR_NONE;
}

/* A turn. */

enum turn_end : uint8_t {
    TURN_AGAIN,
    TURN_LATER, /** nothing is due now; `later_ms` */
    TURN_IDLE,
    TURN_FULL, /** no room or time now */
};

struct look {
    struct thread *thread;
    struct turn *turn;
    struct task *task;
    uint32_t count;
    int64_t later_ms; /** when something will be due; INT64_MAX: nothing is there */
};

static enum err look_kind(struct look *look, struct txn *txn, const struct outbox_kind *kind)
{
    struct outbox_entry entry = {.due_ms = INT64_MIN};
    while (look->count < look->turn->entries_max) {
        enum err err = txn_outbox_of(txn, kind->name, entry.due_ms, entry.id, nullptr, &entry);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        if (entry.due_ms > look->task->now_ms) {
            if (entry.due_ms < look->later_ms) look->later_ms = entry.due_ms;
            return ERR_NONE;
        }
        struct attempt *attempt = &look->thread->attempts[look->count++];
        attempt->kind = kind;
        attempt->due_ms = entry.due_ms;
        attempt->id = entry.id;
        attempt->problem = S("");
        attempt->has_job = false;
    }
    return ERR_NONE;
}

static str text_keep(char *room, size_t bytes, str text)
{
    str kept = str_first(text, text.len < bytes ? text.len : bytes);
    memcpy(room, kept.at, kept.len);
    return (str){room, kept.len};
}

static void tenant_keep(struct thread *thread)
{
    struct tenant *tenant = &thread->tenant;
    tenant->name = text_keep(thread->name, sizeof thread->name, tenant->name);
    tenant->title = text_keep(thread->title, sizeof thread->title, tenant->title);
}

static enum err look_guarded(void *argument)
{
    struct look *look = argument;
    struct outbox *outbox = look->thread->outbox;
    const struct access *access = outbox->options.access;
    struct space instance = store_instance(access->store);
    struct txn *txn;
    TRY(txn_open(look->task, &instance, &txn));
    enum err err = tenant_enter_number(txn, access, look->turn->tenant, &look->thread->tenant);
    if (err == ERR_NONE && look->thread->tenant.is_suspended) err = ERR_MISSING;
    uint32_t first = look->turn->first_kind++;
    for (uint32_t at = 0; at < outbox->kind_count && err == ERR_NONE; at++)
        err = look_kind(look, txn, &outbox->kinds[(first + at) % outbox->kind_count]);
    /* What the transaction showed of it goes with it; each run reads the model that it has then. */
    if (err == ERR_NONE) tenant_keep(look->thread);
    txn_close(txn);
    look->thread->tenant.model = access->model;
    return err;
}

/** What a turn has found, each through the lane; false: something had no room. */
static bool attempts_run(struct thread *thread, uint32_t count)
{
    uint32_t sent = 0;
    while (sent < count && attempt_submit(&thread->attempts[sent])) sent++;
    attempts_wait(thread);
    bool has_room = sent == count, has_job = false;
    for (uint32_t at = 0; at < sent; at++) {
        struct attempt *attempt = &thread->attempts[at];
        if (attempt->err == ERR_NONE) {
            has_job |= attempt->has_job;
            continue;
        }
        if (is_passing(attempt->err)) {
            has_room = false;
            continue;
        }
        /* It has left its work by way of memory: nothing of it stands. */
        char problem[256];
        str text = problem_of(&attempt->arena, &attempt->task, attempt->err);
        text = utf8_first(text, sizeof problem);
        memcpy(problem, text.at, text.len);
        arena_clear(&attempt->arena);
        attempt->problem = arena_copy(&attempt->arena, (str){problem, text.len});
        if (!attempt_submit(attempt)) has_room = false;
        attempts_wait(thread);
        if (attempt->err != ERR_NONE) has_room = false;
    }
    struct outbox *outbox = thread->outbox;
    if (has_job && outbox->options.jobs != nullptr)
        jobs_wake(outbox->options.jobs, &thread->tenant.space);
    for (uint32_t at = 0; at < count; at++) arena_clear(&thread->attempts[at].arena);
    return has_room;
}

static enum turn_end turn_run(struct thread *thread, struct turn *turn, int64_t *later_ms_out)
{
    struct arena arena;
    struct task task;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&task, &arena);
    struct look look = {thread, turn, &task, 0, INT64_MAX};
    enum err err = arena_guard(&arena, look_guarded, &look);
    *later_ms_out = look.later_ms;
    if (err != ERR_NONE && err != ERR_MISSING)
        log_error("outbox", "tenant %u: its outbox cannot be read: %.*s", turn->tenant,
                  FMT(err_slug(err)));
    arena_drop(&arena);
    if (err == ERR_FULL) return TURN_FULL;
    if (err != ERR_NONE) return TURN_IDLE;
    if (look.count == 0) return look.later_ms == INT64_MAX ? TURN_IDLE : TURN_LATER;
    int64_t begun_ns = clock_monotonic_ns();
    bool has_room = attempts_run(thread, look.count);
    bool is_quick = clock_monotonic_ns() - begun_ns < QUICK_NS;
    if (is_quick && 2 * turn->entries_max <= OUTBOX_TURN_ENTRIES_MAX) turn->entries_max *= 2;
    if (!is_quick && turn->entries_max > 1) turn->entries_max /= 2;
    return has_room ? TURN_AGAIN : TURN_FULL;
}

/** Behind all others, or away. */
static void turn_give(struct outbox *outbox, struct turn *turn, enum turn_end end, int64_t later_ms)
{
    int64_t now_ns = clock_monotonic_ns();
    pthread_mutex_lock(&outbox->lock);
    turn->is_running = false;
    turn_remove(outbox, turn);
    bool is_over = end == TURN_IDLE && !turn->is_woken;
    if (end == TURN_FULL) {
        turn->wait_ns = turn->wait_ns == 0 ? FULL_WAIT_NS_MIN : 2 * turn->wait_ns;
        if (turn->wait_ns > FULL_WAIT_NS_MAX) turn->wait_ns = FULL_WAIT_NS_MAX;
        turn->due_ns = now_ns + turn->wait_ns;
    } else {
        turn->wait_ns = turn->due_ns = 0;
        int64_t wait_ms = later_ms - clock_now_ms();
        if (end == TURN_LATER && !turn->is_woken)
            turn->due_ns = now_ns + (wait_ms > 0 ? wait_ms : 0) * NS_PER_MS;
    }
    if (!is_over) turn_append(outbox, turn);
    pthread_mutex_unlock(&outbox->lock);
    if (is_over) memory_give(turn);
}

/* Rounds. */

struct round {
    struct outbox *outbox;
    struct task task;
    struct tenant tenant;
    bool has_entry;
};

static enum err round_find(struct round *round, uint32_t after)
{
    struct outbox *outbox = round->outbox;
    const struct access *access = outbox->options.access;
    struct space instance = store_instance(access->store);
    struct id first = {};
    struct txn *txn;
    TRY(txn_open(&round->task, &instance, &txn));
    enum err err = tenant_after(txn, access, after, &round->tenant);
    if (err == ERR_NONE) {
        struct outbox_entry entry;
        txn_enter(txn, &round->tenant.space);
        for (uint32_t at = 0; at < outbox->kind_count && !round->has_entry; at++)
            round->has_entry = txn_outbox_of(txn, outbox->kinds[at].name, INT64_MIN, first, nullptr,
                                             &entry) == ERR_NONE;
    }
    txn_close(txn);
    return err;
}

static enum err round_guarded(void *argument)
{
    struct round *round = argument;
    const struct outbox_options *options = &round->outbox->options;
    if (options->each_round == nullptr || round->tenant.is_suspended) return ERR_NONE;
    return options->each_round(options->owner, &round->task, &round->tenant.space);
}

/** Of one tenant; false behind the last. */
static bool round_of_next(struct outbox *outbox, uint32_t after, uint32_t *tenant_out)
{
    struct round round = {.outbox = outbox};
    struct arena arena;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&round.task, &arena);
    enum err err = round_find(&round, after);
    bool has_one = err == ERR_NONE;
    if (has_one) {
        *tenant_out = round.tenant.space.number;
        if (round.has_entry) wake(outbox, *tenant_out);
        err = arena_guard(&arena, round_guarded, &round);
        if (err != ERR_NONE)
            log_warning("outbox", "tenant %u: what is due by the clock was not begun: %.*s: %.*s",
                        *tenant_out, FMT(err_slug(err)), FMT(round.task.fault.detail));
    } else if (err != ERR_MISSING) {
        log_warning("outbox", "a round ends early: %.*s", FMT(err_slug(err)));
    }
    arena_drop(&arena);
    return has_one;
}

static void round_run(struct outbox *outbox)
{
    uint32_t tenant = 0;
    bool has_more = round_of_next(outbox, outbox->round_after, &tenant);
    pthread_mutex_lock(&outbox->lock);
    outbox->round_after = has_more ? tenant : 0;
    if (!has_more)
        outbox->round_due_ns = clock_monotonic_ns() + outbox->options.round_ms * NS_PER_MS;
    outbox->is_rounding = false;
    pthread_mutex_unlock(&outbox->lock);
}

/* Threads. */

/** Waits for something to do; false when closing. */
static bool turn_take(struct outbox *outbox, struct turn **turn_out, bool *is_round_out)
{
    *turn_out = nullptr;
    *is_round_out = false;
    pthread_mutex_lock(&outbox->lock);
    while (!outbox->is_closing && *turn_out == nullptr && !*is_round_out) {
        int64_t now_ns = clock_monotonic_ns();
        int64_t due_ns = outbox->is_rounding ? INT64_MAX : outbox->round_due_ns;
        if (due_ns <= now_ns) {
            outbox->is_rounding = *is_round_out = true;
        } else if ((*turn_out = turn_due(outbox, now_ns, &due_ns)) == nullptr) {
            int64_t until_ns = due_ns - now_ns > HOUR_NS ? now_ns + HOUR_NS : due_ns;
            struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
            (void)pthread_cond_timedwait(&outbox->has_turn, &outbox->lock, &until);
        }
    }
    if (*turn_out != nullptr) {
        (*turn_out)->is_running = true;
        (*turn_out)->is_woken = false;
    }
    bool is_closing = outbox->is_closing;
    pthread_mutex_unlock(&outbox->lock);
    return !is_closing;
}

static void *outbox_thread(void *argument)
{
    struct thread *thread = argument;
    struct outbox *outbox = thread->outbox;
    struct turn *turn;
    bool is_round;
    while (turn_take(outbox, &turn, &is_round)) {
        if (is_round) {
            round_run(outbox);
            continue;
        }
        int64_t later_ms;
        enum turn_end end = turn_run(thread, turn, &later_ms);
        turn_give(outbox, turn, end, later_ms);
    }
    return nullptr;
}

static enum err thread_begin(struct task *task, struct outbox *outbox, struct thread *thread)
{
    thread->outbox = outbox;
    require(pthread_mutex_init(&thread->lock, nullptr) == 0);
    require(pthread_cond_init(&thread->is_done, nullptr) == 0);
    for (uint32_t at = 0; at < OUTBOX_TURN_ENTRIES_MAX; at++) {
        thread->attempts[at].thread = thread;
        arena_init(&thread->attempts[at].arena, TASK_ARENA_BYTES_MAX);
    }
    thread->is_started = pthread_create(&thread->thread, nullptr, outbox_thread, thread) == 0;
    if (thread->is_started) return ERR_NONE;
    return fail(task, ERR_SYSTEM, "no thread for the outbox can be made");
}

enum err outbox_open(struct task *task, const struct outbox_options *options,
                     struct outbox **outbox_out)
{
    require(options->access != nullptr && options->kind_count < KINDS_MAX);
    struct outbox *outbox = arena_new(task->arena, struct outbox, 1);
    outbox->options = *options;
    outbox->end = &outbox->first;
    for (uint32_t at = 0; at < options->kind_count; at++) outbox->kinds[at] = options->kinds[at];
    outbox->kinds[options->kind_count] =
        (struct outbox_kind){.name = OUTBOX_DEAD, .run = dead_forget};
    outbox->kind_count = options->kind_count + 1;
    pthread_condattr_t attributes;
    require(pthread_condattr_init(&attributes) == 0);
    require(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    require(pthread_cond_init(&outbox->has_turn, &attributes) == 0);
    require(pthread_mutex_init(&outbox->lock, nullptr) == 0);
    pthread_condattr_destroy(&attributes);
    store_watch_outbox(options->access->store, wake, outbox);
    enum err err = ERR_NONE;
    for (uint32_t at = 0; at < OUTBOX_THREADS && err == ERR_NONE; at++)
        err = thread_begin(task, outbox, &outbox->threads[at]);
    if (err == ERR_NONE) *outbox_out = outbox;
    else outbox_close(outbox);
    return err;
}

void outbox_close(struct outbox *outbox)
{
    store_watch_outbox(outbox->options.access->store, nullptr, nullptr);
    pthread_mutex_lock(&outbox->lock);
    outbox->is_closing = true;
    pthread_cond_broadcast(&outbox->has_turn);
    pthread_mutex_unlock(&outbox->lock);
    for (uint32_t at = 0; at < OUTBOX_THREADS; at++) {
        struct thread *thread = &outbox->threads[at];
        if (!thread->is_started) continue;
        pthread_join(thread->thread, nullptr);
        for (uint32_t of = 0; of < OUTBOX_TURN_ENTRIES_MAX; of++)
            arena_drop(&thread->attempts[of].arena);
    }
    while (outbox->first != nullptr) {
        struct turn *turn = outbox->first;
        outbox->first = turn->next;
        memory_give(turn);
    }
}
