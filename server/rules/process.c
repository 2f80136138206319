#include "rules/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/priority.h"

static bool spawn(const char *program, int socket, pid_t *number_out)
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
        posix_spawn(number_out, program, &actions, &attributes, arguments, environment) == 0;
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return is_ready;
}

static void reap(pid_t number)
{
    while (waitpid(number, nullptr, 0) < 0 && errno == EINTR) {
    }
}

bool process_start(const char *program, struct process *process)
{
    struct process started;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
    bool is_started = spawn(program, ends[1], &started.number);
    close(ends[1]);
    if (!is_started) {
        close(ends[0]);
        return false;
    }
    started.socket = ends[0];
    started.handle = (int)syscall(SYS_pidfd_open, started.number, 0);
    bool is_ready = started.handle >= 0 && fcntl(started.socket, F_SETFL, O_NONBLOCK) == 0 &&
                    clock_getcpuclockid(started.number, &started.clock) == 0;
    if (is_ready) {
        *process = started;
        return true;
    }
    /* Its parent has not waited for it yet, so the number is still its own. */
    (void)kill(started.number, SIGKILL);
    close(started.socket);
    if (started.handle >= 0) close(started.handle);
    reap(started.number);
    return false;
}

int64_t process_cpu_us(const struct process *process)
{
    struct timespec spent = {};
    if (clock_gettime(process->clock, &spent) != 0) return 0;
    return (int64_t)spent.tv_sec * 1'000'000 + spent.tv_nsec / 1000;
}

bool process_is_silent(const struct process *process)
{
    struct pollfd look = {.fd = process->socket, .events = POLLIN};
    return poll(&look, 1, 0) == 0;
}

void process_slow_down(const struct process *process)
{
    /* What is left is enough to end within RULE_WALL_MS_MAX. */
    priority_step_back(process->number);
}

void process_kill(const struct process *process)
{
    (void)syscall(SYS_pidfd_send_signal, process->handle, SIGKILL, nullptr, 0);
}

void process_end(struct process *process)
{
    process_kill(process);
    close(process->socket);
    close(process->handle);
    reap(process->number);
}
