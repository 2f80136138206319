/* Runs the runner, once, at start, before any thread: nothing of Lua is in this process. */
#include "base/clock.h"
#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "model/model.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

constexpr int64_t RUNNER_NS_MAX = 10'000'000'000; /** far more than it takes: milliseconds */
constexpr size_t COMPLAINT_BYTES_MAX = 4 * 1024;
constexpr int EXIT_NOT_STARTED = 127;

struct runner {
    pid_t process;
    int streams[2]; /** what it writes to standard output and standard error; -1: ended */
    struct buf *into[2];
};

[[noreturn]] static void become_runner(char *const *arguments, const int ends[2])
{
    char *const environment[] = {nullptr};
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool is_ready = nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
                    dup2(ends[0], STDOUT_FILENO) >= 0 && dup2(ends[1], STDERR_FILENO) >= 0;
    if (is_ready) execve(arguments[0], arguments, environment);
    _exit(EXIT_NOT_STARTED);
}

static bool start(struct runner *runner, char *const *arguments)
{
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) != 0) return false;
    if (pipe2(err, O_CLOEXEC) != 0) {
        close(out[0]);
        close(out[1]);
        return false;
    }
    runner->process = fork();
    if (runner->process == 0) become_runner(arguments, (int[]){out[1], err[1]});
    close(out[1]);
    close(err[1]);
    runner->streams[0] = out[0];
    runner->streams[1] = err[0];
    return runner->process > 0;
}

/** Takes what one stream has; at its end, or past the maximum, the stream is closed. */
static void take(struct runner *runner, int at)
{
    char bytes[16 * 1024];
    ssize_t got = read(runner->streams[at], bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) return;
    if (got > 0) buf_put(runner->into[at], (str){bytes, (size_t)got});
    if (got > 0 && !buf_is_over(runner->into[at])) return;
    close(runner->streams[at]);
    runner->streams[at] = -1;
}

/** Reads both streams to their ends; false when that takes too long. */
static bool listen_to(struct runner *runner)
{
    int64_t until_ns = clock_monotonic_ns() + RUNNER_NS_MAX;
    while (runner->streams[0] >= 0 || runner->streams[1] >= 0) {
        int64_t left_ns = until_ns - clock_monotonic_ns();
        if (left_ns <= 0) return false;
        struct pollfd waits[2] = {{.fd = runner->streams[0], .events = POLLIN},
                                  {.fd = runner->streams[1], .events = POLLIN}};
        if (poll(waits, 2, (int)(left_ns / 1'000'000) + 1) < 0 && errno != EINTR) return false;
        for (int i = 0; i < 2; i++)
            if (waits[i].revents != 0) take(runner, i);
    }
    return true;
}

static void close_streams(struct runner *runner)
{
    for (int i = 0; i < 2; i++)
        if (runner->streams[i] >= 0) close(runner->streams[i]);
}

/** What it said, fit for an answer: Lua cuts messages without regard to UTF-8. */
static str complaint_text(struct arena *arena, const struct buf *complaint)
{
    str words = str_trim(buf_str(complaint));
    if (utf8_is_valid(words)) return words;
    char *plain = arena_take_raw(arena, words.len);
    for (size_t i = 0; i < words.len; i++)
        plain[i] = words.at[i] < ' ' || words.at[i] == 0x7F ? '?' : words.at[i];
    return (str){plain, words.len};
}

/** Waits for its end, which it is given when it is too late; its exit code, or -1. */
static int finish(struct runner *runner, bool is_in_time)
{
    close_streams(runner);
    if (!is_in_time) kill(runner->process, SIGKILL);
    int status = 0;
    pid_t ended;
    do {
        ended = waitpid(runner->process, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == runner->process && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/** Runs `runner MODE folder`, or `runner MODE` without a folder, and gives what it wrote. */
static enum err read_mode(struct task *task, str runner, str mode, str folder, struct arena *arena,
                          str *out_out)
{
    require(out_out != nullptr);
    struct buf out = buf_make(arena, SCHEMA_BYTES_MAX);
    struct buf complaint = buf_make(task->arena, COMPLAINT_BYTES_MAX);
    struct runner running = {.streams = {-1, -1}, .into = {&out, &complaint}};
    char *arguments[] = {arena_cstring(task->arena, runner), arena_cstring(task->arena, mode),
                         folder.len > 0 ? arena_cstring(task->arena, folder) : nullptr, nullptr};
    bool is_started = start(&running, arguments);
    if (!is_started) {
        close_streams(&running);
        return fail(task, ERR_SYSTEM, "%.*s: no process can be started", FMT(runner));
    }
    bool is_in_time = listen_to(&running);
    int code = finish(&running, is_in_time);
    str words = complaint_text(task->arena, &complaint);
    if (code == 1 && words.len > 0) return fail(task, ERR_INVALID, "%.*s", FMT(words));
    if (code == EXIT_NOT_STARTED)
        return fail(task, ERR_SYSTEM, "%.*s: the runner is not there or cannot be run",
                    FMT(runner));
    if (!is_in_time) return fail(task, ERR_SYSTEM, "%.*s: the runner takes too long", FMT(runner));
    if (code != 0 || buf_is_over(&out))
        return fail(task, ERR_SYSTEM, "%.*s: the runner failed", FMT(runner));
    *out_out = buf_str(&out);
    return ERR_NONE;
}

static enum err read_folder(struct task *task, str runner, str mode, str folder,
                            struct arena *arena, str *out_out)
{
    TRY(read_mode(task, runner, mode, folder, arena, out_out));
    return value_check(task, *out_out);
}

enum err model_read_schema(struct task *task, str runner, str folder, struct arena *arena,
                           str *schema_out)
{
    return read_folder(task, runner, S("--schema"), folder, arena, schema_out);
}

enum err model_read_rules(struct task *task, str runner, str folder, struct arena *arena,
                          str *rules_out)
{
    return read_folder(task, runner, S("--rules"), folder, arena, rules_out);
}

enum err model_read_reference(struct task *task, str runner, struct arena *arena,
                              str *reference_out)
{
    return read_mode(task, runner, S("--reference"), (str){}, arena, reference_out);
}
