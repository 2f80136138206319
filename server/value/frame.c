#include "value/frame.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/require.h"

constexpr size_t LENGTH_BYTES = 4;
constexpr size_t PIECE_BYTES = 16 * KIB; /** most frames go and come as one */

/** The transfer of one frame. */
struct passage {
    int file;
    const struct frame_watch *watch;
    int64_t watched_ns; /** when the watch was asked last */
    bool is_coming;     /** a part of the frame is there */
    int64_t coming_ns;  /** since then */
    enum frame_outcome outcome;
};

static struct passage passage_on(int file, const struct frame_watch *watch)
{
    return (struct passage){
        .file = file, .watch = watch, .watched_ns = watch != nullptr ? clock_monotonic_ns() : 0};
}

/** Whether the watch still has patience. */
static bool goes_on(struct passage *passage)
{
    if (passage->watch == nullptr) return true;
    int64_t now_ns = clock_monotonic_ns();
    int64_t passed_ns = now_ns - passage->watched_ns;
    if (passed_ns < FRAME_WATCH_NS) return true;
    passage->watched_ns = now_ns;
    if (passage->is_coming)
        passage->coming_ns += passed_ns < 2 * FRAME_WATCH_NS ? passed_ns : 2 * FRAME_WATCH_NS;
    int64_t most_ns = passage->watch->coming_ns_max;
    bool is_slow = most_ns > 0 && passage->coming_ns > most_ns;
    if (!passage->watch->is_late(passage->watch->owner) && !is_slow) return true;
    passage->outcome = FRAME_LATE;
    return false;
}

/** After a call that gave an error: whether to try again, now or once the socket is ready. */
static bool is_worth_waiting(struct passage *passage, short event)
{
    passage->outcome = FRAME_ENDED;
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
    require(passage->watch != nullptr);
    struct pollfd wait = {.fd = passage->file, .events = event};
    (void)poll(&wait, 1, (int)(FRAME_WATCH_NS / 1'000'000));
    return true;
}

static bool transmit(struct passage *passage, str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(passage->file, bytes.at, bytes.len);
        if (written < 0 && !is_worth_waiting(passage, POLLOUT)) return false;
        if (written > 0) bytes = str_from(bytes, (size_t)written);
        if (bytes.len > 0 && !goes_on(passage)) return false;
    }
    return true;
}

enum frame_outcome frame_write(int file, str value, const struct frame_watch *watch)
{
    require(value.len > 0 && value.len <= FRAME_BYTES_MAX);
    struct passage passage = passage_on(file, watch);
    char first[PIECE_BYTES]; /* the length, and with it as much as goes in the same write */
    str with_it = str_first(value, PIECE_BYTES - LENGTH_BYTES);
    for (size_t at = 0; at < LENGTH_BYTES; at++) first[at] = (char)(value.len >> (24 - 8 * at));
    memcpy(first + LENGTH_BYTES, with_it.at, with_it.len);
    bool is_done = transmit(&passage, (str){first, LENGTH_BYTES + with_it.len}) &&
                   transmit(&passage, str_from(value, with_it.len));
    return is_done ? FRAME_WHOLE : passage.outcome;
}

static size_t length_of(const char *bytes)
{
    size_t length = 0;
    for (size_t at = 0; at < LENGTH_BYTES; at++) length = length << 8 | (uint8_t)bytes[at];
    return length;
}

/** Reads until `least` bytes are there, at most `most`; false: passage->outcome. */
static bool receive(struct passage *passage, char *bytes, size_t *got, size_t least, size_t most)
{
    while (*got < least) {
        ssize_t more = read(passage->file, bytes + *got, most - *got);
        passage->outcome = FRAME_ENDED;
        if (more == 0) return false;
        if (more < 0 && !is_worth_waiting(passage, POLLIN)) return false;
        if (more > 0) *got += (size_t)more;
        passage->is_coming = passage->is_coming || more > 0;
        if (*got < least && !goes_on(passage)) return false;
    }
    return true;
}

enum frame_outcome frame_read(struct arena *arena, int file, const struct frame_watch *watch,
                              str *value_out)
{
    struct passage passage = passage_on(file, watch);
    char first[PIECE_BYTES];
    size_t got = 0;
    *value_out = (str){};
    if (!receive(&passage, first, &got, LENGTH_BYTES, PIECE_BYTES)) return passage.outcome;
    size_t length = length_of(first);
    got -= LENGTH_BYTES;
    if (length == 0 || length > FRAME_BYTES_MAX || got > length) return FRAME_ENDED;
    char *bytes = arena_take_raw(arena, length);
    memcpy(bytes, first + LENGTH_BYTES, got);
    if (!receive(&passage, bytes, &got, length, length)) return passage.outcome;
    *value_out = (str){bytes, length};
    return FRAME_WHOLE;
}
