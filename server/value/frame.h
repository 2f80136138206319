/** frame: encoded values on a stream socket, each behind its length.
 *
 *  Between the server and its runners, which ask and answer in turn: there is never more than one
 *  frame on its way. Whoever writes ignores SIGPIPE, or is meant to end by it.
 *  Floor   value.
 *  Thread  one at a time for each socket.
 *  Bytes   4, big-endian: the length of the MessagePack value that follows, 1 to FRAME_BYTES_MAX.
 */
#pragma once

#include "base/arena.h"
#include "base/limits.h"

constexpr size_t FRAME_BYTES_MAX = 4 * MIB;

enum frame_outcome : uint8_t {
    FRAME_WHOLE,
    FRAME_ENDED, /** the other side is gone, or has sent what is no frame */
    FRAME_LATE,
};

/** Asked while the other side keeps one waiting on a socket that does not block. */
struct frame_watch {
    /** True: wait no longer. About every FRAME_WATCH_NS, also while bytes keep trickling in. */
    bool (*is_late)(void *owner);
    void *owner;
    /** From the first byte that comes to the last, in looks: a pause of ours is not counted;
     *  then the frame is late. 0: no bound. */
    int64_t coming_ns_max;
};
constexpr int64_t FRAME_WATCH_NS = 20'000'000;

/** `watch` may be nullptr on a socket that blocks: it takes as long as it takes. */
enum frame_outcome frame_write(int file, str value, const struct frame_watch *watch);
/** The value's bytes, unchecked, in the arena, which is asked for no more than they need. */
enum frame_outcome frame_read(struct arena *arena, int file, const struct frame_watch *watch,
                              str *value_out);
