#include "work/console.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"

constexpr int64_t DRAW_NS_MIN = 100'000'000;
constexpr uint64_t BAR_CELLS = 30;
constexpr size_t LINE_BYTES_MAX = 4000;
constexpr size_t PRINT_BYTES_MAX = 64 * MIB;

/** Whatever stands in names that came from outside, a terminal must not obey it. */
static void disarm(char *text, size_t len, bool is_line)
{
    for (size_t at = 0; at < len; at++) {
        unsigned char byte = (unsigned char)text[at];
        bool is_layout = !is_line && (byte == '\n' || byte == '\t');
        if ((byte < 0x20 || byte == 0x7f) && !is_layout) text[at] = ' ';
        /* U+0080 to U+009F are control characters too. */
        if (byte == 0xc2 && at + 1 < len && (unsigned char)text[at + 1] < 0xa0)
            text[at + 1] = (char)0xa0;
    }
}

static void write_whole(int file, str text)
{
    while (text.len > 0) {
        ssize_t written = write(file, text.at, text.len);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return; /* nobody is there to be told */
        text = str_from(text, (size_t)written);
    }
}

void console_print(const struct console *console, const char *format, ...)
{
    struct arena arena;
    arena_init(&arena, PRINT_BYTES_MAX);
    va_list arguments;
    va_start(arguments, format);
    str text = arena_vprint(&arena, format, arguments);
    va_end(arguments);
    char *own = arena_cstring(&arena, text);
    disarm(own, text.len, false);
    write_whole(console->out, (str){own, text.len});
    arena_drop(&arena);
}

static void complain(const struct console *console, const char *format, va_list arguments)
{
    char line[LINE_BYTES_MAX];
    (void)vsnprintf(line, sizeof line, format, arguments);
    disarm(line, strlen(line), true);
    (void)dprintf(console->err, "atrium: %s\n", line);
}

int console_complain(const struct console *console, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(console, format, arguments);
    va_end(arguments);
    return 1;
}

int console_misuse(const struct console *console, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(console, format, arguments);
    va_end(arguments);
    return STATUS_USAGE;
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
