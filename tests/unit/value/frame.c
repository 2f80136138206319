#include "value/frame.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

struct line {
    struct test_task test;
    int ends[2]; /** the first does not block */
};

static void line_open(struct line *line)
{
    (void)signal(SIGPIPE, SIG_IGN);
    test_task_init(&line->test);
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, line->ends) == 0);
    check(fcntl(line->ends[0], F_SETFL, O_NONBLOCK) == 0);
}

static void line_close(struct line *line)
{
    for (int at = 0; at < 2; at++)
        if (line->ends[at] >= 0) close(line->ends[at]);
    test_task_drop(&line->test);
}

static bool is_asked_often(void *owner)
{
    return ++*(int *)owner > 1;
}

/** Has no patience when it is asked for the second time. */
static const struct frame_watch *soon(void)
{
    static int times;
    static const struct frame_watch watch = {is_asked_often, &times, 0};
    times = 0;
    return &watch;
}

static void send_bytes(struct line *line, str bytes)
{
    check_int(write(line->ends[1], bytes.at, bytes.len), (ssize_t)bytes.len);
}

TEST(test_frame__goes_there_and_back)
{
    struct line line;
    line_open(&line);
    struct arena *arena = &line.test.arena;
    for (size_t len = 1; len <= 100'000; len = len * 7 + 3) {
        char *bytes = arena_take_raw(arena, len);
        memset(bytes, (int)(len % 251), len);
        str got;
        check_int(frame_write(line.ends[1], (str){bytes, len}, nullptr), FRAME_WHOLE);
        check_int(frame_read(arena, line.ends[0], soon(), &got), FRAME_WHOLE);
        check(str_eq(got, (str){bytes, len}));
    }
    line_close(&line);
}

TEST(test_frame__is_late_when_a_part_does_not_come)
{
    static const str parts[] = {S(""), S("\0\0"), S("\0\0\0\3"), S("\0\0\0\3ab")};
    for (size_t at = 0; at < sizeof parts / sizeof *parts; at++) {
        struct line line;
        line_open(&line);
        str got;
        send_bytes(&line, parts[at]);
        check_int(frame_read(&line.test.arena, line.ends[0], soon(), &got), FRAME_LATE);
        check_int(got.len, 0);
        line_close(&line);
    }
}

/** Asked in vain: it is the frame's own bound that ends it. */
static bool is_never_late(void *)
{
    return false;
}

TEST(test_frame__is_late_when_its_rest_does_not_come_in_time)
{
    struct line line;
    line_open(&line);
    str got;
    const struct frame_watch watch = {is_never_late, nullptr, 3 * FRAME_WATCH_NS};
    send_bytes(&line, S("\0\0\0\3ab"));
    check_int(frame_read(&line.test.arena, line.ends[0], &watch, &got), FRAME_LATE);
    check_int(got.len, 0);
    line_close(&line);
}

TEST(test_frame__ends_with_the_other_side)
{
    static const str parts[] = {S(""), S("\0\0"), S("\0\0\0\3ab")};
    for (size_t at = 0; at < sizeof parts / sizeof *parts; at++) {
        struct line line;
        line_open(&line);
        str got;
        send_bytes(&line, parts[at]);
        close(line.ends[1]);
        line.ends[1] = -1;
        check_int(frame_read(&line.test.arena, line.ends[0], soon(), &got), FRAME_ENDED);
        check_int(frame_write(line.ends[0], S("x"), soon()), FRAME_ENDED);
        line_close(&line);
    }
}

TEST(test_frame__is_refused_when_it_is_none)
{
    /* Of no length, too long, and with bytes behind it that nobody asked for. */
    static const str parts[] = {S("\0\0\0\0"), S("\0\x40\0\1"), S("\xff\xff\xff\xff"),
                                S("\0\0\0\1ab")};
    for (size_t at = 0; at < sizeof parts / sizeof *parts; at++) {
        struct line line;
        line_open(&line);
        str got;
        send_bytes(&line, parts[at]);
        check_int(frame_read(&line.test.arena, line.ends[0], soon(), &got), FRAME_ENDED);
        line_close(&line);
    }
}

TEST(test_frame__is_late_when_nobody_reads)
{
    struct line line;
    line_open(&line);
    char *bytes = arena_take_raw(&line.test.arena, FRAME_BYTES_MAX);
    memset(bytes, 'x', FRAME_BYTES_MAX);
    str value = {bytes, FRAME_BYTES_MAX};
    check_int(frame_write(line.ends[0], value, soon()), FRAME_LATE);
    line_close(&line);
}
