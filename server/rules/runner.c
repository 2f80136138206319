#include "rules/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
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
    uint32_t tenant;
    pid_t process;
    int handle; /** of the process, so that no other one is ever meant */
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
    if (runner->handle >= 0 && fcntl(runner->socket, F_SETFL, O_NONBLOCK) == 0) return true;
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

/* Asking. */

/** A free one of this tenant; else one is begun, where an empty slot or the one used longest ago
 *  makes room. nullptr: not yet. */
static struct runner *find(struct runners *runners, uint32_t tenant)
{
    struct runner *empty = nullptr, *oldest = nullptr;
    bool is_coming = false;
    for (uint32_t at = 0; at < RUNNERS_MAX; at++) {
        struct runner *runner = &runners->slots[at];
        if (runner->state == RUNNER_FREE && runner->tenant == tenant) return runner;
        is_coming = is_coming || runner->state == RUNNER_ENDING ||
                    (runner->state == RUNNER_WANTED && runner->tenant == tenant);
        if (runner->state == RUNNER_EMPTY) empty = runner;
        bool is_older = runner->state == RUNNER_FREE &&
                        (oldest == nullptr || runner->used_ns < oldest->used_ns);
        if (is_older) oldest = runner;
    }
    if (empty != nullptr) {
        *empty = (struct runner){.state = RUNNER_WANTED, .tenant = tenant};
        (void)pthread_cond_broadcast(&runners->changed);
    } else if (oldest != nullptr && !is_coming) {
        oldest->state = RUNNER_ENDING;
        (void)pthread_cond_broadcast(&runners->changed);
    }
    return nullptr;
}

static bool take(struct runners *runners, uint32_t tenant, struct runner **runner_out)
{
    int64_t until_ns = clock_monotonic_ns() + RUNNER_WAIT_NS;
    (void)pthread_mutex_lock(&runners->mutex);
    struct runner *runner = nullptr;
    bool has_begun = false;
    for (uint32_t at = 0; at < RUNNERS_MAX; at++)
        if (runners->slots[at].tenant == tenant) runners->slots[at].has_refused = false;
    while (!runners->is_closing && clock_monotonic_ns() < until_ns) {
        bool may_ask = runners->asked_count < runners->asked_max;
        bool is_coming = false, has_refused = false;
        for (uint32_t at = 0; at < RUNNERS_MAX; at++) {
            const struct runner *slot = &runners->slots[at];
            is_coming = is_coming || (slot->state == RUNNER_WANTED && slot->tenant == tenant);
            has_refused = has_refused || (slot->has_refused && slot->tenant == tenant);
        }
        if (has_begun && has_refused) break;
        if (may_ask && !is_coming) {
            runner = find(runners, tenant);
            has_begun = true;
        }
        if (runner != nullptr) break;
        wait_until(runners, until_ns);
    }
    if (runner != nullptr) {
        runner->state = RUNNER_ASKED;
        runners->asked_count++;
        runners->figures.asked++;
    }
    (void)pthread_mutex_unlock(&runners->mutex);
    *runner_out = runner;
    return runner != nullptr;
}

static void give(struct runners *runners, struct runner *runner, bool is_good, bool is_killed)
{
    (void)pthread_mutex_lock(&runners->mutex);
    runner->state = is_good ? RUNNER_FREE : RUNNER_ENDING;
    runner->used_ns = clock_monotonic_ns();
    runners->asked_count--;
    runners->figures.killed += is_killed;
    (void)pthread_cond_broadcast(&runners->changed);
    (void)pthread_mutex_unlock(&runners->mutex);
}

/** A map of checked values, with what the process has spent. */
static bool read_answer(struct task *task, str frame, int64_t *spent_ms_out)
{
    struct task quiet = {.arena = task->arena};
    struct value spent;
    if (value_check(&quiet, frame) != ERR_NONE || value_of(frame).kind != VALUE_MAP) return false;
    bool has_spent = value_find_text(frame, S("spent_ms"), &spent) && spent.kind == VALUE_INT;
    *spent_ms_out = has_spent ? spent.integer : 0;
    return has_spent;
}

enum runner_outcome runner_ask(struct runners *runners, struct task *task, uint32_t tenant,
                               str question, int64_t ns_max, str *answer_out)
{
    struct runner *runner;
    *answer_out = (str){};
    if (!take(runners, tenant, &runner)) {
        (void)fail(task, ERR_FULL, "no process for formulas can be had now; try again");
        return RUNNER_NONE;
    }
    int64_t until_ns = clock_monotonic_ns() + ns_max, spent_ms = 0;
    enum frame_outcome outcome = frame_write(task->arena, runner->socket, question, until_ns);
    if (outcome == FRAME_WHOLE)
        outcome = frame_read(task->arena, runner->socket, until_ns, answer_out);
    bool is_good = outcome == FRAME_WHOLE && read_answer(task, *answer_out, &spent_ms);
    give(runners, runner, is_good && spent_ms < RUNNER_SPENT_MS_MAX, !is_good);
    if (is_good) return RUNNER_ANSWERED;
    log_warning("runner", "the runner of tenant %u %s: it was ended", tenant,
                outcome == FRAME_LATE ? "took too long" : "stopped or said what is no answer");
    return RUNNER_FAILED;
}

struct runner_figures runners_figures(struct runners *runners)
{
    (void)pthread_mutex_lock(&runners->mutex);
    struct runner_figures figures = runners->figures;
    (void)pthread_mutex_unlock(&runners->mutex);
    return figures;
}
