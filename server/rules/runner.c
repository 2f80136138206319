#include "rules/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/require.h"
#include "value/frame.h"
#include "value/value.h"

constexpr size_t PROGRAM_BYTES_MAX = 4096;
constexpr uint32_t COMPUTING_PER_CORE = 2;

enum runner_state : uint8_t {
    RUNNER_EMPTY,
    RUNNER_WANTED, /** to be started */
    RUNNER_FREE,
    RUNNER_ASKED,
    RUNNER_ENDING, /** to be killed */
};

struct runner {
    enum runner_state state;
    bool has_refused; /** could not be started */
    enum runner_use use;
    uint32_t tenant;
    pid_t process;
    int handle;      /** of the process, so that no other one is ever meant */
    clockid_t clock; /** what it has computed; tells on even when it is dead */
    int socket;
    int64_t used_ns;
};

struct runners {
    char program[PROGRAM_BYTES_MAX];
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_closing;
    uint32_t asked_max;
    uint32_t asked_count;
    uint32_t trials_max; /** fewer than asked_max: trials never keep changes waiting */
    uint32_t trial_count;
    struct runner slots[RUNNERS_MAX];
    struct runner_figures figures;
};

/* Processes, on the pool's own thread. */

static bool spawn(const char *program, int socket, pid_t *process_out)
{
    char *const arguments[] = {"atrium-runner", "--serve", nullptr};
    char *const environment[] = {nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, broken_pipe;
    (void)sigemptyset(&none);
    (void)sigemptyset(&broken_pipe);
    (void)sigaddset(&broken_pipe, SIGPIPE);
    if (posix_spawn_file_actions_init(&actions) != 0) return false;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return false;
    }
    bool is_ready =
        posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO) == 0 &&
        posix_spawn_file_actions_addclosefrom_np(&actions, STDIN_FILENO + 1) == 0 &&
        posix_spawnattr_setsigmask(&attributes, &none) == 0 &&
        posix_spawnattr_setsigdefault(&attributes, &broken_pipe) == 0 &&
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ==
            0 &&
        posix_spawn(process_out, program, &actions, &attributes, arguments, environment) == 0;
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return is_ready;
}

static void reap(pid_t process)
{
    while (waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
    }
}

static bool start(const char *program, struct runner *runner)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
    bool is_started = spawn(program, ends[1], &runner->process);
    close(ends[1]);
    if (!is_started) {
        close(ends[0]);
        return false;
    }
    runner->socket = ends[0];
    runner->handle = (int)syscall(SYS_pidfd_open, runner->process, 0);
    bool is_ready = runner->handle >= 0 && fcntl(runner->socket, F_SETFL, O_NONBLOCK) == 0 &&
                    clock_getcpuclockid(runner->process, &runner->clock) == 0;
    if (is_ready) return true;
    /* Its parent has not waited for it yet, so the number is still its own. */
    (void)kill(runner->process, SIGKILL);
    close(runner->socket);
    if (runner->handle >= 0) close(runner->handle);
    reap(runner->process);
    return false;
}

static void end(struct runner *runner)
{
    (void)syscall(SYS_pidfd_send_signal, runner->handle, SIGKILL, nullptr, 0);
    close(runner->socket);
    close(runner->handle);
    reap(runner->process);
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
    struct runner copy = *runner;
    (void)pthread_mutex_unlock(&runners->mutex);
    bool is_started = is_wanted && start(runners->program, &copy);
    if (!is_wanted) end(&copy);
    (void)pthread_mutex_lock(&runners->mutex);
    *runner = copy;
    runner->state = is_started ? RUNNER_FREE : RUNNER_EMPTY;
    runner->has_refused = is_wanted && !is_started;
    runner->used_ns = clock_monotonic_ns();
    runners->figures.started += is_started;
    if (is_started) runners->figures.live++;
    else if (!is_wanted) runners->figures.live--;
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
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    runners->asked_max = COMPUTING_PER_CORE * (uint32_t)(cores > 0 ? cores : 1);
    runners->trials_max = runners->asked_max / 2;
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

static bool is_of(const struct runner *runner, uint32_t tenant, enum runner_use use)
{
    return runner->tenant == tenant && runner->use == use;
}

/** Whether nothing was said by it since it was last asked, and it lives. */
static bool is_silent(const struct runner *runner)
{
    struct pollfd look = {.fd = runner->socket, .events = POLLIN};
    return poll(&look, 1, 0) == 0;
}

/** A free one of this tenant; else one is begun, where an empty slot or the one used longest ago
 *  makes room. nullptr: not yet. */
static struct runner *find(struct runners *runners, uint32_t tenant, enum runner_use use)
{
    struct runner *empty = nullptr, *oldest = nullptr;
    bool is_coming = false;
    for (uint32_t at = 0; at < RUNNERS_MAX; at++) {
        struct runner *runner = &runners->slots[at];
        bool is_free = runner->state == RUNNER_FREE;
        if (is_free && is_of(runner, tenant, use)) {
            if (is_silent(runner)) return runner;
            /* It died while nobody asked it, or speaks out of turn. */
            runner->state = RUNNER_ENDING;
            runners->figures.killed++;
            (void)pthread_cond_broadcast(&runners->changed);
            is_free = false;
        }
        is_coming = is_coming || runner->state == RUNNER_ENDING ||
                    (runner->state == RUNNER_WANTED && is_of(runner, tenant, use));
        if (runner->state == RUNNER_EMPTY) empty = runner;
        bool is_older = is_free && (oldest == nullptr || runner->used_ns < oldest->used_ns);
        if (is_older) oldest = runner;
    }
    if (empty != nullptr) {
        *empty = (struct runner){.state = RUNNER_WANTED, .tenant = tenant, .use = use};
        (void)pthread_cond_broadcast(&runners->changed);
    } else if (oldest != nullptr && !is_coming) {
        oldest->state = RUNNER_ENDING;
        (void)pthread_cond_broadcast(&runners->changed);
    }
    return nullptr;
}

static struct runner *take(struct runners *runners, uint32_t tenant, enum runner_use use)
{
    int64_t until_ns = clock_monotonic_ns() + RUNNER_WAIT_NS;
    bool is_trial = use == RUNNER_FOR_TRIALS;
    (void)pthread_mutex_lock(&runners->mutex);
    struct runner *runner = nullptr;
    bool has_begun = false;
    for (uint32_t at = 0; at < RUNNERS_MAX; at++)
        if (is_of(&runners->slots[at], tenant, use)) runners->slots[at].has_refused = false;
    while (!runners->is_closing && clock_monotonic_ns() < until_ns) {
        bool may_ask = runners->asked_count < runners->asked_max &&
                       (!is_trial || runners->trial_count < runners->trials_max);
        bool is_coming = false, has_refused = false;
        for (uint32_t at = 0; at < RUNNERS_MAX; at++) {
            const struct runner *slot = &runners->slots[at];
            if (!is_of(slot, tenant, use)) continue;
            is_coming = is_coming || slot->state == RUNNER_WANTED;
            has_refused = has_refused || slot->has_refused;
        }
        if (has_begun && has_refused) break;
        if (may_ask && !is_coming) {
            runner = find(runners, tenant, use);
            has_begun = true;
        }
        if (runner != nullptr) break;
        wait_until(runners, until_ns);
    }
    if (runner != nullptr) {
        runner->state = RUNNER_ASKED;
        runners->asked_count++;
        runners->trial_count += is_trial;
        runners->figures.asked++;
    }
    (void)pthread_mutex_unlock(&runners->mutex);
    return runner;
}

static void give(struct runners *runners, struct runner *runner, bool is_good, bool is_killed)
{
    (void)pthread_mutex_lock(&runners->mutex);
    runner->state = is_good ? RUNNER_FREE : RUNNER_ENDING;
    runner->used_ns = clock_monotonic_ns();
    runners->asked_count--;
    runners->trial_count -= runner->use == RUNNER_FOR_TRIALS;
    runners->figures.killed += is_killed;
    (void)pthread_cond_broadcast(&runners->changed);
    (void)pthread_mutex_unlock(&runners->mutex);
}

/* Talks. */

struct talk {
    struct arena_held held; /** so that the runner is let go on whatever road the task ends */
    struct runners *runners;
    struct runner *runner; /** nullptr: it was given back */
    struct task *task;
    str failure;
    int64_t begun_us; /** on the runner's clock */
    int64_t spent_us; /** since then, once it was given back */
    /* while it is waited for */
    int64_t cpu_us_max; /** on the runner's clock */
    int64_t seen_us;    /** on it, when it was looked at last */
    int64_t looked_ns;
    int64_t waited_ns, stalled_ns; /** in looks, so that a pause of ours is not held against it */
};

/** What the process has computed, in microseconds. */
static int64_t clock_of(const struct runner *runner)
{
    struct timespec spent = {};
    if (clock_gettime(runner->clock, &spent) != 0) return 0;
    return (int64_t)spent.tv_sec * 1'000'000 + spent.tv_nsec / 1000;
}

static void fail_talk(struct talk *talk, str why)
{
    talk->failure = why;
    log_warning("runner", "the runner of tenant %u %.*s: it was ended", talk->runner->tenant,
                FMT(why));
    /* At once, for it may be computing; its slot is cleared when it is given back. */
    (void)syscall(SYS_pidfd_send_signal, talk->runner->handle, SIGKILL, nullptr, 0);
}

/** Asked every few milliseconds while it is silent. */
static bool is_late(void *owner)
{
    struct talk *talk = owner;
    int64_t now_ns = clock_monotonic_ns(), now_us = clock_of(talk->runner);
    int64_t passed_ns = now_ns - talk->looked_ns;
    /* Where this thread was kept from looking for long, the runner may have been kept waiting for
     * as long. */
    if (passed_ns > 2 * FRAME_WATCH_NS) passed_ns = 2 * FRAME_WATCH_NS;
    talk->waited_ns += passed_ns;
    talk->stalled_ns = now_us > talk->seen_us ? 0 : talk->stalled_ns + passed_ns;
    talk->seen_us = now_us;
    talk->looked_ns = now_ns;
    if (now_us > talk->cpu_us_max) talk->failure = S("takes too much time");
    else if (talk->stalled_ns > RULE_STALLED_MS_MAX * 1'000'000) talk->failure = S("has stalled");
    else if (talk->waited_ns > RULE_WALL_MS_MAX * 1'000'000) talk->failure = S("takes too long");
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
        .held = {.release = drop_talk, .thing = talk}, .runners = runners, .task = task};
    arena_hold(task->arena, &talk->held);
    talk->runner = take(runners, tenant, use);
    *talk_out = talk;
    if (talk->runner == nullptr) {
        (void)fail(task, ERR_FULL, "no process for rules and formulas can be had now; try again");
        return RUNNER_NONE;
    }
    talk->begun_us = clock_of(talk->runner);
    return RUNNER_ANSWERED;
}

enum runner_outcome talk_say(struct talk *talk, str frame, int64_t cpu_ms, str *answer_out)
{
    require(talk->runner != nullptr);
    require(talk->failure.len == 0);
    const struct frame_watch watch = {is_late, talk};
    struct task quiet = {.arena = talk->task->arena};
    int socket = talk->runner->socket;
    *answer_out = (str){};
    if (frame.len == 0 || frame.len > FRAME_BYTES_MAX) {
        fail_talk(talk, S("would be told too much"));
        return RUNNER_FAILED;
    }
    talk->seen_us = clock_of(talk->runner);
    talk->cpu_us_max = talk->seen_us + cpu_ms * 1000;
    talk->looked_ns = clock_monotonic_ns();
    talk->waited_ns = talk->stalled_ns = 0;
    enum frame_outcome outcome = frame_write(socket, frame, &watch);
    if (outcome == FRAME_WHOLE) outcome = frame_read(talk->task->arena, socket, &watch, answer_out);
    bool is_map = outcome == FRAME_WHOLE && value_check(&quiet, *answer_out) == ERR_NONE &&
                  value_of(*answer_out).kind == VALUE_MAP;
    if (is_map) return RUNNER_ANSWERED;
    *answer_out = (str){};
    if (outcome == FRAME_LATE) fail_talk(talk, talk->failure);
    else fail_talk(talk, outcome == FRAME_WHOLE ? S("said what is no answer") : S("stopped"));
    return RUNNER_FAILED;
}

int64_t talk_cpu_us(const struct talk *talk)
{
    return talk->runner == nullptr ? talk->spent_us : clock_of(talk->runner) - talk->begun_us;
}

str talk_failure(const struct talk *talk)
{
    return talk->failure;
}

void talk_end(struct talk *talk, bool is_good)
{
    if (talk->runner == nullptr) return;
    int64_t now_us = clock_of(talk->runner);
    bool is_whole = is_good && talk->failure.len == 0;
    talk->spent_us = now_us - talk->begun_us;
    give(talk->runners, talk->runner, is_whole && now_us < RUNNER_SPENT_MS_MAX * 1000, !is_whole);
    talk->runner = nullptr;
}

enum runner_outcome runner_ask(struct runners *runners, struct task *task, uint32_t tenant,
                               str question, int64_t cpu_ms, str *answer_out)
{
    struct talk *talk;
    *answer_out = (str){};
    enum runner_outcome outcome = talk_begin(runners, task, tenant, RUNNER_FOR_CHANGES, &talk);
    if (outcome != RUNNER_ANSWERED) return outcome;
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
