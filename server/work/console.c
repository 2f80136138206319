#include "work/console.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

constexpr int64_t DRAW_NS_MIN = 100'000'000;
constexpr uint64_t BAR_CELLS = 30;
constexpr size_t LINE_BYTES_MAX = 4000;

void console_print(const struct console *console, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vdprintf(console->out, format, arguments);
    va_end(arguments);
}

int console_complain(const struct console *console, const char *format, ...)
{
    char line[LINE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    /* One line, whatever stands in names that came from outside. */
    for (char *at = line; *at != 0; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = ' ';
    (void)dprintf(console->err, "atrium: %s\n", line);
    return 1;
}

int console_fail(const struct console *console, const struct task *task, enum err err)
{
    const struct fault *fault = &task->fault;
    struct arena arena;
    arena_init(&arena, LINE_BYTES_MAX * 4);
    struct buf line = buf_make(&arena, LINE_BYTES_MAX);
    if (fault->item_count == 0)
        buf_put(&line, fault->detail.len > 0 ? fault->detail : err_title(err));
    for (uint32_t at = 0; at < fault->item_count; at++)
        buf_print(&line, "%s%.*s: %.*s", at > 0 ? "; " : "", FMT(fault->items[at].field),
                  FMT(fault->items[at].message));
    int status = console_complain(console, "%.*s", FMT(buf_str(&line)));
    arena_drop(&arena);
    return status;
}

void progress_start(struct progress *progress, const struct console *console)
{
    *progress = (struct progress){
        .console = console,
        .is_terminal = isatty(console->err) == 1,
        .started_ns = clock_monotonic_ns(),
    };
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total, const char *format,
                   ...)
{
    int64_t now_ns = clock_monotonic_ns();
    if (!progress->is_terminal || now_ns - progress->drawn_ns < DRAW_NS_MIN) return;
    progress->drawn_ns = now_ns;
    char words[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    uint64_t part = total == 0 || done >= total ? 1000 : done * 1000 / total;
    char bar[BAR_CELLS + 1];
    for (uint64_t at = 0; at < BAR_CELLS; at++) bar[at] = at * 1000 < part * BAR_CELLS ? '#' : '.';
    bar[BAR_CELLS] = 0;
    (void)dprintf(progress->console->err, "\r[%s] %3d %%  %s\x1b[K", bar, (int)(part / 10), words);
}

void progress_end(struct progress *progress)
{
    if (progress->is_terminal && progress->drawn_ns > 0)
        (void)dprintf(progress->console->err, "\r\x1b[K");
}

str number_text(struct arena *arena, uint64_t number)
{
    char text[32];
    size_t at = sizeof text;
    for (uint32_t digit = 0; digit == 0 || number > 0; digit++, number /= 10) {
        if (digit > 0 && digit % 3 == 0) text[--at] = ',';
        text[--at] = (char)('0' + number % 10);
    }
    return arena_copy(arena, (str){text + at, sizeof text - at});
}
