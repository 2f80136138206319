/** console: where a command writes: its caller's terminal, also when the server runs it for another
 *  process.
 *
 *  Floor   work.
 *  Thread  one at a time.
 */
#pragma once

#include "base/buf.h"
#include "base/task.h"

constexpr int STATUS_USAGE = 2; /** of a process whose words are wrong */

struct console {
    int out;
    int err;
    int file; /** what the command reads, opened by its caller; -1: none */
    int rows; /** an unnamed file for the rows that failed; -1: none */
};

/** To standard output. */
[[gnu::format(printf, 2, 3)]] void console_print(const struct console *console, const char *format,
                                                 ...);

/** One line to standard error, `atrium: …`. Returns 1, the exit status of a failure. */
[[gnu::format(printf, 2, 3)]] int console_complain(const struct console *console,
                                                   const char *format, ...);
/** The same of words that are wrong, or do not go together; gives the status of wrong usage. */
[[gnu::format(printf, 2, 3)]] int console_misuse(const struct console *console, const char *format,
                                                 ...);

/** One line that tells an error of `task` with its detail and faults. Returns 1. */
int console_fail(const struct console *console, const struct task *task, enum err err);

/** A bar on standard error, drawn at most ten times a second and only on a terminal. */
struct progress {
    const struct console *console;
    bool is_terminal;
    int64_t started_ns;
    int64_t drawn_ns;
};
void progress_start(struct progress *progress, const struct console *console);
/** `done` of `total`, with some words behind the bar. */
[[gnu::format(printf, 4, 5)]] void progress_show(struct progress *progress, uint64_t done,
                                                 uint64_t total, const char *format, ...);
/** Takes the bar away. */
void progress_end(struct progress *progress);

/** `1,234` */
str number_text(struct arena *arena, uint64_t number);
