#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/require.h"

/** A text is cut here; escaped, a line is at most four times as long. */
constexpr size_t TEXT_MAX = 2000;
constexpr size_t LINE_MAX_BYTES = 4 * TEXT_MAX + 200;

static _Atomic(uint8_t) level_min = LOG_INFO;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/** Control bytes of ASCII, and the lead of U+0080 to U+009F, which terminals obey too. */
static bool is_control(str text, size_t at)
{
    uint8_t byte = (uint8_t)text.at[at];
    if (byte < 0x20 || byte == 0x7f) return true;
    return byte == 0xc2 && at + 1 < text.len && (uint8_t)text.at[at + 1] < 0xa0;
}

static size_t escape(char *to, str text)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = (uint8_t)text.at[at];
        if (is_control(text, at)) {
            to[len++] = '\\';
            to[len++] = 'x';
            to[len++] = digits[byte >> 4];
            to[len++] = digits[byte & 15];
        } else {
            to[len++] = (char)byte;
        }
    }
    return len;
}

static void write_whole(const char *at, size_t len)
{
    while (len > 0) {
        ssize_t written = write(STDERR_FILENO, at, len);
        if (written < 0 && errno == EINTR) continue;
        /* There is no other place to report that the log cannot be written. */
        if (written <= 0) return;
        at += written;
        len -= (size_t)written;
    }
}

void log_set_level(enum log_level level)
{
    atomic_store(&level_min, (uint8_t)level);
}

void log_write(enum log_level level, const char *place, const char *format, ...)
{
    require(level < sizeof level_names / sizeof level_names[0]);
    if (level < atomic_load_explicit(&level_min, memory_order_relaxed)) return;

    char text[TEXT_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    int text_len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    require(text_len >= 0);
    str shown = str_first((str){text, TEXT_MAX}, (size_t)text_len);

    int64_t now_ms = clock_now_ms();
    time_t seconds = now_ms / 1000;
    struct tm utc;
    require(gmtime_r(&seconds, &utc) != nullptr);
    char line[LINE_MAX_BYTES];
    size_t len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    int head = snprintf(line + len, 100, ".%03dZ %s %.40s: ", (int)(now_ms % 1000),
                        level_names[level], place);
    require(head > 0 && head < 100);
    len += (size_t)head;
    len += escape(line + len, shown);
    line[len++] = '\n';
    write_whole(line, len);
}
