#include "rules/runner.h"

#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/require.h"
#include "rules/process.h"
#include "rules/share.h"
#include "store/store.h"
#include "value/frame.h"
#include "value/value.h"

constexpr size_t PROGRAM_BYTES_MAX = 4096;
constexpr uint32_t COMPUTING_PER_CORE = 2;
/** A tenant with more than this of the time of its runners not run off yet is heavy: one that makes
 *  two or three long runs in a row, or computes for more than a thirtieth of the time. */
constexpr int64_t HEAVY_US = 100'000;

/** Of heavy tenants that wait: each may hold a thread that serves lanes, and others need some. */
constexpr uint32_t HEAVY_WAITING_MAX = LANE_THREADS_MAX / 2;

enum runner_state : uint8_t {
    RUNNER_EMPTY,
    RUNNER_WANTED, /** to be started */
    RUNNER_FREE,
    RUNNER_ASKED,
    RUNNER_ENDING, /** to be killed */
};

struct runner {
    enum runner_state state;
    enum runner_use use;
    uint32_t tenant;
    bool is_slowed; /** for good: the system lets nobody take that back */
    struct process process;
    int64_t used_ns;
};

/** One that wants to ask. Lies on the stack of its thread. */
struct asker {
    struct asker *next;
    const struct task *task;
    uint32_t tenant;
    enum runner_use use;
    bool is_heavy;
    bool is_nested;   /** its task has another runner, which waits meanwhile */
    bool is_admitted; /** it counts as asking and waits for its process only */
    bool is_refused;  /** no process can be started, or too many wait */
    int64_t level_us; /** of its tenant, when it came */
};

struct runners {
    char program[PROGRAM_BYTES_MAX];
    pthread_t thread;
    pthread_mutex_t mutex; /** guards all below; nothing is waited for but `changed` */
    pthread_cond_t changed;
    bool is_closing;
    int64_t stalled_ns_max, wall_ns_max; /** set before anybody asks */
    uint32_t asked_max;
    uint32_t asked_count; /** admitted, without the nested ones */
    uint32_t heavy_max;   /** of them for heavy tenants, so that the others always find room */
    uint32_t heavy_count;
    uint32_t trial_max; /** and for trials, which never keep changes waiting */
    uint32_t trial_count;
    struct asker *first; /** those that wait, in the order in which they came */
    struct talk *talks;  /** those that have a runner */
    struct runner slots[RUNNERS_MAX];
    struct shares shares;
    struct runner_figures figures;
};

struct talk {
    struct arena_held held; /** so that the runner is let go on whatever road the task ends */
    struct talk *next;      /** of runners->talks */
    struct runners *runners;
    struct runner *runner; /** nullptr: it was given back */
    struct task *task;
    str failure;
    bool has_overrun;         /** of it, and not of the process */
    bool is_nested, is_heavy; /** as it was admitted */
    bool is_rule;             /** it counts for the share of its tenant */
    int64_t begun_us;         /** on the clock of the process */
    int64_t spent_us;         /** since then, once it was given back */
    /* while it is waited for */
    int64_t cpu_us_max; /** on the clock of the process */
    int64_t seen_us;    /** on it, when it was looked at last */
    int64_t looked_ns;
    int64_t waited_ns, stalled_ns; /** in looks, so that a pause of ours is not held against it */
};

/* Processes are started and ended on the pool's own thread. */

/** Tells those that wait for such a process that there will be none. */
static void refuse(struct runners *runners, const struct runner *runner)
{
    for (struct asker *asker = runners->first; asker != nullptr; asker = asker->next)
        if (asker->is_admitted && asker->tenant == runner->tenant && asker->use == runner->use)
            asker->is_refused = true;
}

/** Does what the slots ask for; true when anything was done, with the lock given up meanwhile. */
static bool tend(struct runners *runners, struct runner *runner)
{
    int64_t now_ns = clock_monotonic_ns();
    bool is_old = runner->state == RUNNER_FREE && now_ns - runner->used_ns > RUNNER_IDLE_NS;
    bool is_left = runner->state == RUNNER_FREE && runners->is_closing;
    if (is_old || is_left) runner->state = RUNNER_ENDING;
    if (runner->state != RUNNER_WANTED && runner->state != RUNNER_ENDING) return false;
    bool is_wanted = runner->state == RUNNER_WANTED;
    struct process process = runner->process;
    (void)pthread_mutex_unlock(&runners->mutex);
    bool is_started = is_wanted && process_start(runners->program, &process);
    if (!is_wanted) process_end(&process);
    (void)pthread_mutex_lock(&runners->mutex);
    runner->process = process;
    runner->state = is_started ? RUNNER_FREE : RUNNER_EMPTY;
    runner->used_ns = clock_monotonic_ns();
    runners->figures.started += is_started;
    if (is_started) runners->figures.live++;
    else if (is_wanted) refuse(runners, runner);
    else runners->figures.live--;
    (void)pthread_cond_broadcast(&runners->changed);
    return true;
}

static void wait_until(struct runners *runners, int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / 1'000'000'000,
                             .tv_nsec = until_ns % 1'000'000'000};
    (void)pthread_cond_timedwait(&runners->changed, &runners->mutex, &until);
}

static void *keep(void *argument)
{
    struct runners *runners = argument;
    (void)pthread_mutex_lock(&runners->mutex);
    for (;;) {
        bool is_done = false;
        for (uint32_t at = 0; at < RUNNERS_MAX; at++)
            is_done = tend(runners, &runners->slots[at]) || is_done;
        if (is_done) continue;
        if (runners->is_closing) break;
        wait_until(runners, clock_monotonic_ns() + RUNNER_IDLE_NS / 4);
    }
    (void)pthread_mutex_unlock(&runners->mutex);
    return nullptr;
}

struct runners *runners_open(str program)
{
    struct runners *runners = memory_take(sizeof *runners);
    pthread_condattr_t attributes;
    require(program.len < PROGRAM_BYTES_MAX);
    if (program.len > 0) memcpy(runners->program, program.at, program.len);
    runners_hurry(runners, RULE_STALLED_MS_MAX, RULE_WALL_MS_MAX);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    runners->asked_max = COMPUTING_PER_CORE * (uint32_t)(cores > 0 ? cores : 1);
    runners->heavy_max = runners->trial_max = runners->asked_max / 2;
    (void)pthread_mutex_init(&runners->mutex, nullptr);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&runners->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (pthread_create(&runners->thread, nullptr, keep, runners) == 0) return runners;
    (void)pthread_cond_destroy(&runners->changed);
    (void)pthread_mutex_destroy(&runners->mutex);
    memory_give(runners);
    return nullptr;
}

void runners_hurry(struct runners *runners, int64_t stalled_ms, int64_t wall_ms)
{
    runners->stalled_ns_max = stalled_ms * 1'000'000;
    runners->wall_ns_max = wall_ms * 1'000'000;
}

void runners_close(struct runners *runners)
{
    (void)pthread_mutex_lock(&runners->mutex);
    require(runners->asked_count == 0);
    runners->is_closing = true;
    (void)pthread_cond_broadcast(&runners->changed);
    (void)pthread_mutex_unlock(&runners->mutex);
    (void)pthread_join(runners->thread, nullptr);
    (void)pthread_cond_destroy(&runners->changed);
    (void)pthread_mutex_destroy(&runners->mutex);
    memory_give(runners);
}

/* Taking one, and giving it back. */

static bool is_for(const struct runner *runner, const struct asker *asker)
{
    return runner->tenant == asker->tenant && runner->use == asker->use;
}

static bool has_room(const struct runners *runners, const struct asker *asker)
{
    if (asker->is_nested) return true;
    return runners->asked_count < runners->asked_max &&
           (!asker->is_heavy || runners->heavy_count < runners->heavy_max) &&
           (asker->use != RUNNER_FOR_TRIALS || runners->trial_count < runners->trial_max);
}

/** Counts one in, or out by -1. */
static void count(struct runners *runners, bool is_nested, bool is_heavy, enum runner_use use,
                  int32_t by)
{
    if (is_nested) return;
    runners->asked_count += (uint32_t)by;
    if (is_heavy) runners->heavy_count += (uint32_t)by;
    if (use == RUNNER_FOR_TRIALS) runners->trial_count += (uint32_t)by;
}

/** Whether it is this one's turn: of those that could go now, the one whose tenant has spent least,
 *  and of several the one that came first. */
static bool is_next(const struct runners *runners, const struct asker *asker)
{
    const struct asker *best = nullptr;
    if (asker->is_nested) return true;
    for (const struct asker *other = runners->first; other != nullptr; other = other->next)
        if (!other->is_admitted && has_room(runners, other) &&
            (best == nullptr || other->level_us < best->level_us))
            best = other;
    return best == asker;
}

static void admit(struct runners *runners, struct asker *asker)
{
    asker->is_admitted = true;
    count(runners, asker->is_nested, asker->is_heavy, asker->use, 1);
    /* Another may have room, too. */
    (void)pthread_cond_broadcast(&runners->changed);
}

/** Has another process started where there are fewer coming than are waited for. */
static void want(struct runners *runners, const struct asker *asker)
{
    struct runner *empty = nullptr, *oldest = nullptr;
    uint32_t coming = 0, waiting = 0;
    bool has_ending = false;
    for (const struct asker *other = runners->first; other != nullptr; other = other->next)
        waiting += other->is_admitted && other->tenant == asker->tenant && other->use == asker->use;
    for (uint32_t at = 0; at < RUNNERS_MAX; at++) {
        struct runner *runner = &runners->slots[at];
        coming += runner->state == RUNNER_WANTED && is_for(runner, asker);
        has_ending = has_ending || runner->state == RUNNER_ENDING;
        if (runner->state == RUNNER_EMPTY) empty = runner;
        bool is_older = runner->state == RUNNER_FREE &&
                        (oldest == nullptr || runner->used_ns < oldest->used_ns);
        if (is_older) oldest = runner;
    }
    if (coming >= waiting) return;
    if (empty != nullptr)
        *empty =
            (struct runner){.state = RUNNER_WANTED, .tenant = asker->tenant, .use = asker->use};
    else if (oldest != nullptr && !has_ending) oldest->state = RUNNER_ENDING;
    else return;
    (void)pthread_cond_broadcast(&runners->changed);
}

/** A free one of this tenant; nullptr: not yet, and one is begun. */
static struct runner *find(struct runners *runners, const struct asker *asker)
{
    for (uint32_t at = 0; at < RUNNERS_MAX; at++) {
        struct runner *runner = &runners->slots[at];
        if (runner->state != RUNNER_FREE || !is_for(runner, asker)) continue;
        bool is_silent = process_is_silent(&runner->process);
        if (is_silent && (asker->is_heavy || !runner->is_slowed)) return runner;
        /* It died while nobody asked it, or speaks out of turn; or it is too slow by now. */
        runner->state = RUNNER_ENDING;
        runners->figures.killed += !is_silent;
        (void)pthread_cond_broadcast(&runners->changed);
    }
    want(runners, asker);
    return nullptr;
}

static void asker_join(struct runners *runners, struct asker *asker)
{
    struct asker **link = &runners->first;
    asker->level_us = shares_level_us(&runners->shares, asker->tenant, clock_monotonic_ns());
    asker->is_heavy = asker->level_us > HEAVY_US;
    for (const struct talk *talk = runners->talks; talk != nullptr; talk = talk->next)
        asker->is_nested = asker->is_nested || talk->task == asker->task;
    while (*link != nullptr) link = &(*link)->next;
    *link = asker;
    runners->figures.waiting++;
}

static void asker_leave(struct runners *runners, struct asker *asker)
{
    struct asker **link = &runners->first;
    while (*link != asker) link = &(*link)->next;
    *link = asker->next;
    runners->figures.waiting--;
}

static bool is_crowded(const struct runners *runners)
{
    uint32_t heavy_count = 0;
    for (const struct asker *asker = runners->first; asker != nullptr; asker = asker->next)
        heavy_count += asker->is_heavy;
    return heavy_count > HEAVY_WAITING_MAX;
}

/** Waits for a turn and for a process; false: in vain. */
static bool take(struct talk *talk, uint32_t tenant, enum runner_use use)
{
    struct runners *runners = talk->runners;
    struct asker asker = {.task = talk->task, .tenant = tenant, .use = use};
    int64_t until_ns = clock_monotonic_ns() + RUNNER_WAIT_NS;
    struct runner *runner = nullptr;
    bool is_waiting = false; /* so that others are served meanwhile */
    (void)pthread_mutex_lock(&runners->mutex);
    asker_join(runners, &asker);
    asker.is_refused = asker.is_heavy && !asker.is_nested && is_crowded(runners);
    for (;;) {
        if (!asker.is_admitted && has_room(runners, &asker) && is_next(runners, &asker))
            admit(runners, &asker);
        if (asker.is_admitted) runner = find(runners, &asker);
        bool is_over = runners->is_closing || clock_monotonic_ns() >= until_ns;
        if (runner != nullptr || asker.is_refused || is_over) break;
        if (!is_waiting) store_wait_begins();
        is_waiting = true;
        wait_until(runners, until_ns);
    }
    if (is_waiting) store_wait_ends();
    asker_leave(runners, &asker);
    if (runner != nullptr) {
        runner->state = RUNNER_ASKED;
        runners->figures.asked++;
        if (asker.is_heavy && !runner->is_slowed) process_slow_down(&runner->process);
        runner->is_slowed = asker.is_heavy;
        talk->runner = runner;
        talk->is_nested = asker.is_nested;
        talk->is_heavy = asker.is_heavy;
        talk->next = runners->talks;
        runners->talks = talk;
    } else if (asker.is_admitted) {
        count(runners, asker.is_nested, asker.is_heavy, use, -1);
    }
    (void)pthread_cond_broadcast(&runners->changed);
    (void)pthread_mutex_unlock(&runners->mutex);
    return runner != nullptr;
}

/** `is_good`: it may be asked again; `is_failed`: it did what it may not. */
static void give(struct talk *talk, bool is_good, bool is_failed)
{
    struct runners *runners = talk->runners;
    struct runner *runner = talk->runner;
    struct talk **link = &runners->talks;
    (void)pthread_mutex_lock(&runners->mutex);
    runner->state = is_good ? RUNNER_FREE : RUNNER_ENDING;
    runner->used_ns = clock_monotonic_ns();
    while (*link != talk) link = &(*link)->next;
    *link = talk->next;
    count(runners, talk->is_nested, talk->is_heavy, runner->use, -1);
    shares_spend(&runners->shares, runner->tenant, runner->use, talk->is_rule, talk->spent_us,
                 runner->used_ns);
    runners->figures.killed += is_failed;
    runners->figures.computed_us += talk->spent_us;
    (void)pthread_cond_broadcast(&runners->changed);
    (void)pthread_mutex_unlock(&runners->mutex);
    talk->runner = nullptr;
}

/* Talks. */

static void fail_talk(struct talk *talk, str why)
{
    talk->failure = why;
    log_warning("runner", "the runner of tenant %u %.*s: it was ended", talk->runner->tenant,
                FMT(why));
    /* At once, for it may be computing; its slot is cleared when it is given back. */
    process_kill(&talk->runner->process);
}

/** Asked every few milliseconds while it is silent. */
static bool is_late(void *owner)
{
    struct talk *talk = owner;
    int64_t now_ns = clock_monotonic_ns(), now_us = process_cpu_us(&talk->runner->process);
    int64_t passed_ns = now_ns - talk->looked_ns;
    /* Where this thread was kept from looking for long, the runner may have been kept waiting for
     * as long. */
    if (passed_ns > 2 * FRAME_WATCH_NS) passed_ns = 2 * FRAME_WATCH_NS;
    talk->waited_ns += passed_ns;
    talk->stalled_ns = now_us > talk->seen_us ? 0 : talk->stalled_ns + passed_ns;
    talk->seen_us = now_us;
    talk->looked_ns = now_ns;
    talk->has_overrun = now_us > talk->cpu_us_max;
    if (now_us > talk->cpu_us_max) talk->failure = S("takes too much time");
    else if (talk->stalled_ns > talk->runners->stalled_ns_max) talk->failure = S("has stalled");
    else if (talk->waited_ns > talk->runners->wall_ns_max) talk->failure = S("takes too long");
    return talk->failure.len > 0;
}

static void drop_talk(void *thing)
{
    talk_end(thing, false);
}

enum runner_outcome talk_begin(struct runners *runners, struct task *task, uint32_t tenant,
                               enum runner_use use, struct talk **talk_out)
{
    struct talk *talk = arena_new(task->arena, struct talk, 1);
    *talk = (struct talk){
        .held = {.release = drop_talk, .thing = talk},
        .runners = runners,
        .task = task,
        .is_rule = true,
    };
    arena_hold(task->arena, &talk->held);
    *talk_out = talk;
    if (!take(talk, tenant, use)) {
        (void)fail(task, ERR_FULL, "no process for rules and formulas can be had now; try again");
        return RUNNER_NONE;
    }
    talk->begun_us = process_cpu_us(&talk->runner->process);
    return RUNNER_ANSWERED;
}

enum runner_outcome talk_say(struct talk *talk, str frame, int64_t cpu_ms, str *answer_out)
{
    require(talk->runner != nullptr);
    require(talk->failure.len == 0);
    const struct frame_watch watch = {is_late, talk, talk->runners->stalled_ns_max};
    struct task quiet = {.arena = talk->task->arena};
    int socket = talk->runner->process.socket;
    *answer_out = (str){};
    if (frame.len == 0 || frame.len > FRAME_BYTES_MAX) {
        fail_talk(talk, S("would be told too much"));
        return RUNNER_FAILED;
    }
    talk->seen_us = process_cpu_us(&talk->runner->process);
    talk->cpu_us_max = talk->seen_us + cpu_ms * 1000;
    talk->looked_ns = clock_monotonic_ns();
    talk->waited_ns = talk->stalled_ns = 0;
    enum frame_outcome outcome = frame_write(socket, frame, &watch);
    if (outcome == FRAME_WHOLE) outcome = frame_read(talk->task->arena, socket, &watch, answer_out);
    bool is_map = outcome == FRAME_WHOLE && value_check(&quiet, *answer_out) == ERR_NONE &&
                  value_of(*answer_out).kind == VALUE_MAP;
    if (is_map) return RUNNER_ANSWERED;
    *answer_out = (str){};
    if (outcome == FRAME_LATE && talk->failure.len == 0) talk->failure = S("has stalled");
    if (outcome == FRAME_LATE) fail_talk(talk, talk->failure);
    else fail_talk(talk, outcome == FRAME_WHOLE ? S("said what is no answer") : S("stopped"));
    return RUNNER_FAILED;
}

int64_t talk_cpu_us(const struct talk *talk)
{
    return talk->runner == nullptr ? talk->spent_us
                                   : process_cpu_us(&talk->runner->process) - talk->begun_us;
}

str talk_failure(const struct talk *talk)
{
    return talk->failure;
}

bool talk_has_overrun(const struct talk *talk)
{
    return talk->has_overrun;
}

void talk_end(struct talk *talk, bool is_good)
{
    if (talk->runner == nullptr) return;
    int64_t now_us = process_cpu_us(&talk->runner->process);
    bool is_whole = is_good && talk->failure.len == 0;
    talk->spent_us = now_us - talk->begun_us;
    give(talk, is_whole && now_us < RUNNER_SPENT_MS_MAX * 1000, !is_whole);
}

enum runner_outcome runner_ask(struct runners *runners, struct task *task, uint32_t tenant,
                               str question, int64_t cpu_ms, str *answer_out)
{
    struct talk *talk;
    *answer_out = (str){};
    enum runner_outcome outcome = talk_begin(runners, task, tenant, RUNNER_FOR_CHANGES, &talk);
    if (outcome != RUNNER_ANSWERED) return outcome;
    talk->is_rule = false;
    outcome = talk_say(talk, question, cpu_ms, answer_out);
    talk_end(talk, outcome == RUNNER_ANSWERED);
    return outcome;
}

struct runner_figures runners_figures(struct runners *runners)
{
    (void)pthread_mutex_lock(&runners->mutex);
    struct runner_figures figures = runners->figures;
    (void)pthread_mutex_unlock(&runners->mutex);
    return figures;
}

struct runner_share runners_share(struct runners *runners, uint32_t tenant, enum runner_use use,
                                  int64_t bound_ms)
{
    struct shares *shares = &runners->shares;
    (void)pthread_mutex_lock(&runners->mutex);
    int64_t now_ns = clock_monotonic_ns();
    struct runner_share share = {
        .wait_ms = shares_wait_ms(shares, tenant, use, bound_ms, now_ns),
        .use_ms = shares_rules_us(shares, tenant, use, now_ns) / 1000,
    };
    runners->figures.refused += share.wait_ms > 0;
    (void)pthread_mutex_unlock(&runners->mutex);
    return share;
}

int64_t runners_use_ms(struct runners *runners, uint32_t tenant)
{
    (void)pthread_mutex_lock(&runners->mutex);
    int64_t use_us =
        shares_rules_us(&runners->shares, tenant, RUNNER_FOR_CHANGES, clock_monotonic_ns());
    (void)pthread_mutex_unlock(&runners->mutex);
    return use_us / 1000;
}
