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

/** On a socket that does not block, waits until `until_ns` (clock_monotonic_ns); on one that does,
 *  as long as it takes. */
enum frame_outcome frame_write(struct arena *arena, int file, str value, int64_t until_ns);
/** The value's bytes, unchecked, in the arena. */
enum frame_outcome frame_read(struct arena *arena, int file, int64_t until_ns, str *value_out);
