#include "test.h"

#include <stdint.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static char written[20'000];
static int kept_stderr, reading_end;

static void capture_start(void)
{
    int ends[2];
    check_int(pipe(ends), 0);
    kept_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reading_end = ends[0];
    clock_set(1'795'291'180'123);
}

static str capture_end(void)
{
    clock_set(-1);
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    size_t len = 0;
    for (ssize_t got; (got = read(reading_end, written + len, sizeof written - len)) > 0;)
        len += (size_t)got;
    close(reading_end);
    return (str){written, len};
}

TEST(test_log__writes_time_level_place_and_text)
{
    capture_start();
    log_warning("store", "%d of %s", 3, "five");
    check_str(capture_end(), S("2026-11-21T19:59:40.123Z warning store: 3 of five\n"));
}

TEST(test_log__escapes_control_bytes)
{
    capture_start();
    log_info("http", "a\r\nb\x1b[31m\x7f\xc2\x9b"
                     "c\xc3\xa9");
    check_str(capture_end(), S("2026-11-21T19:59:40.123Z info http: "
                               "a\\x0d\\x0ab\\x1b[31m\\x7f\\xc2\x9b"
                               "c\xc3\xa9\n"));
}

TEST(test_log__leaves_out_lower_levels)
{
    capture_start();
    log_write(LOG_DEBUG, "x", "hidden");
    log_set_level(LOG_ERROR);
    log_warning("x", "hidden");
    log_error("x", "shown");
    log_set_level(LOG_INFO);
    check_str(capture_end(), S("2026-11-21T19:59:40.123Z error x: shown\n"));
}

TEST(test_log__cuts_long_lines)
{
    char controls[3001];
    memset(controls, '\x01', 3000);
    controls[3000] = 0;
    capture_start();
    log_info("a place with a name that is far too long for a line of the log", "%s", controls);
    str line = capture_end();
    check(str_ends(line, S("\\x01\n")));
    check(line.len > 8000 && line.len < 8100);
}
