#include "value/frame.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/require.h"

constexpr size_t LENGTH_BYTES = 4;
constexpr size_t READ_BYTES = 16 * KIB; /** most frames come with one read */

/** After a call that gave an error: whether to try again, now or once the socket is ready. */
static bool is_worth_waiting(int file, short event, int64_t until_ns, enum frame_outcome *outcome)
{
    *outcome = FRAME_ENDED;
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
    int64_t left_ns = until_ns - clock_monotonic_ns();
    *outcome = FRAME_LATE;
    if (left_ns <= 0) return false;
    struct pollfd wait = {.fd = file, .events = event};
    (void)poll(&wait, 1, (int)(left_ns / 1'000'000) + 1);
    return true;
}

enum frame_outcome frame_write(struct arena *arena, int file, str value, int64_t until_ns)
{
    require(value.len > 0 && value.len <= FRAME_BYTES_MAX);
    char *bytes = arena_take_raw(arena, LENGTH_BYTES + value.len);
    for (size_t at = 0; at < LENGTH_BYTES; at++) bytes[at] = (char)(value.len >> (24 - 8 * at));
    memcpy(bytes + LENGTH_BYTES, value.at, value.len);
    str rest = {bytes, LENGTH_BYTES + value.len};
    enum frame_outcome outcome;
    while (rest.len > 0) {
        ssize_t written = write(file, rest.at, rest.len);
        if (written > 0) rest = str_from(rest, (size_t)written);
        else if (!is_worth_waiting(file, POLLOUT, until_ns, &outcome)) return outcome;
    }
    return FRAME_WHOLE;
}

static size_t length_of(const char *bytes)
{
    size_t length = 0;
    for (size_t at = 0; at < LENGTH_BYTES; at++) length = length << 8 | (uint8_t)bytes[at];
    return length;
}

enum frame_outcome frame_read(struct arena *arena, int file, int64_t until_ns, str *value_out)
{
    char *bytes = arena_take_raw(arena, READ_BYTES);
    size_t capacity = READ_BYTES, got = 0, wanted = LENGTH_BYTES;
    enum frame_outcome outcome;
    *value_out = (str){};
    while (got < wanted) {
        ssize_t more = read(file, bytes + got, capacity - got);
        if (more == 0) return FRAME_ENDED;
        if (more < 0 && !is_worth_waiting(file, POLLIN, until_ns, &outcome)) return outcome;
        if (more < 0) continue;
        bool had_length = got >= LENGTH_BYTES;
        got += (size_t)more;
        if (had_length || got < LENGTH_BYTES) continue;
        size_t length = length_of(bytes);
        if (length == 0 || length > FRAME_BYTES_MAX) return FRAME_ENDED;
        wanted = LENGTH_BYTES + length;
        if (wanted <= capacity) continue;
        char *larger = arena_take_raw(arena, wanted);
        memcpy(larger, bytes, got);
        bytes = larger;
        capacity = wanted;
    }
    if (got > wanted) return FRAME_ENDED;
    *value_out = (str){bytes + LENGTH_BYTES, wanted - LENGTH_BYTES};
    return FRAME_WHOLE;
}
