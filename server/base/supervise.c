#include "base/supervise.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

/** So many deaths within the time are no accident. */
#define DEATHS_MAX 5
constexpr int64_t DEATHS_MS = 30'000;
constexpr long RETRY_NS = 200'000'000; /** after a life that could not even begin */

struct watch {
    sigset_t signals;
    sigset_t before;
    int64_t deaths_ms[DEATHS_MAX]; /** when, the last ones, in a ring */
    uint32_t deaths;
    bool is_ending;
};

/** In the new process. */
static void begin(const struct watch *watch, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1); /* it was gone before that call */
    (void)sigprocmask(SIG_SETMASK, &watch->before, nullptr);
    random_after_fork();
}

/** Until the process has ended; its status as of waitpid. */
static int wait_for(struct watch *watch, pid_t child, void (*ending)(void *owner), void *owner)
{
    for (;;) {
        int status;
        if (waitpid(child, &status, WNOHANG) == child) return status;
        int number = sigwaitinfo(&watch->signals, nullptr);
        if (number <= 0 || number == SIGCHLD) continue;
        if (number != SIGHUP && !watch->is_ending) {
            watch->is_ending = true;
            ending(owner);
        }
        (void)kill(child, number);
    }
}

/** Whether one more death is one too many. */
static bool is_hopeless(struct watch *watch)
{
    int64_t now_ms = clock_monotonic_ns() / 1'000'000;
    int64_t *oldest = &watch->deaths_ms[watch->deaths % DEATHS_MAX];
    bool is_full = watch->deaths >= DEATHS_MAX;
    bool is_recent = is_full && now_ms - *oldest < DEATHS_MS;
    *oldest = now_ms;
    watch->deaths++;
    return is_recent;
}

static void tell_death(int status)
{
    if (WIFSIGNALED(status))
        log_error("serve", "the server was killed by signal %d (%s); it is started again",
                  WTERMSIG(status), strsignal(WTERMSIG(status)));
    else log_error("serve", "the server ended with %d; it is started again", WEXITSTATUS(status));
}

/** What it ended with. A signal that asks to end kills only a server that has not begun to serve,
 *  for one that has waits for it. */
static int code_of(const struct watch *watch, int status)
{
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    bool is_asked = WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT;
    return watch->is_ending && is_asked ? 0 : 1;
}

/** What to exit with, when this end is the last one; else -1. */
static int last_status(struct watch *watch, const struct supervised_life *life, int status)
{
    int code = code_of(watch, status);
    bool is_own_end =
        WIFEXITED(status) && (code == 0 || (life->number == 0 && code != SUPERVISE_AGAIN));
    if (is_own_end || watch->is_ending) return code;
    if (!is_hopeless(watch)) return -1;
    log_error("serve", "the server died %d times within %d seconds: giving up", DEATHS_MAX + 1,
              (int)(DEATHS_MS / 1000));
    return 1;
}

static void watch_begin(struct watch *watch)
{
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    (void)signal(SIGCHLD, SIG_DFL); /* an inherited SIG_IGN would hide how a server ended */
    (void)sigemptyset(&watch->signals);
    for (size_t at = 0; at < sizeof numbers / sizeof numbers[0]; at++)
        (void)sigaddset(&watch->signals, numbers[at]);
    (void)sigprocmask(SIG_BLOCK, &watch->signals, &watch->before);
}

bool supervise(void (*ending)(void *owner), void *owner, struct supervised_life *life_out,
               int *status_out)
{
    struct watch watch = {};
    pid_t parent = getpid();
    *life_out = (struct supervised_life){};
    watch_begin(&watch);
    for (;;) {
        pid_t child = fork();
        if (child < 0) {
            log_error("serve", "no process for the server: %s", strerror(errno));
            *status_out = 1;
            return false;
        }
        if (child == 0) {
            begin(&watch, parent);
            return true;
        }
        int status = wait_for(&watch, child, ending, owner);
        *status_out = last_status(&watch, life_out, status);
        if (*status_out >= 0) return false;
        tell_death(status);
        life_out->number++;
        life_out->is_after_failure = WIFEXITED(status) && WEXITSTATUS(status) == SUPERVISE_AGAIN;
        if (WIFEXITED(status) && !life_out->is_after_failure)
            (void)nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, nullptr);
    }
}
