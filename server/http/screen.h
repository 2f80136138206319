/** screen: looks at what comes over an HTTP/2 connection before h2o does, frame by frame, and says
 *  when it is more than an honest client sends. h2o 2.2.5 spends memory and time on a frame before
 *  any code of ours hears of it: a header block of 400 KB becomes 48 MB, a ping is answered, a
 *  frame of an unknown kind is printed.
 *
 *  It judges amounts alone; whether a frame is right, h2o says.
 *
 *  Floor   http, inside.
 *  Thread  none of its own; one screen belongs to one connection.
 *  Memory  no allocation.
 *  Source  RFC 9113, 4.1 and 6; RFC 7541, 6; THREATS 3.
 */
#pragma once

#include "base/str.h"

constexpr uint32_t SCREEN_STREAMS_MAX = 128; /** open ones that it knows apart */

enum screen_verdict : uint8_t {
    SCREEN_PASS,
    SCREEN_FRAMES,  /** too many frames that carry nothing */
    SCREEN_STREAMS, /** too many streams that never became finished requests */
    SCREEN_HEAD,    /** a header block of too many fields, bytes or frames */
    SCREEN_BODIES,  /** requests under way hold too much */
};

/** Walks a header block, only to count its fields. */
struct screen_block {
    uint32_t bytes, fields, frames;
    uint32_t skip; /** of a string */
    uint32_t number;
    uint8_t shift;
    uint8_t step;        /** enum step of screen.c */
    uint8_t strings_due; /** of the present field */
};

struct screen {
    /** What is allowed by now; the owner raises them before it shows more bytes. */
    uint64_t frames_max, streams_max;
    size_t held_max;

    uint64_t frames;   /** that carried nothing */
    uint64_t streams;  /** opened */
    size_t held_bytes; /** by heads and bodies of requests that are not whole yet, about */
    uint32_t preface_left;
    uint8_t head[9]; /** of the present frame */
    uint8_t head_len;
    uint32_t left;     /** of its payload */
    uint32_t place;    /** in its payload */
    uint32_t pad_left; /** at the end of a header frame's payload */
    uint32_t stream_last;
    uint32_t open_count;
    struct {
        uint32_t stream;
        uint32_t bytes;
        uint32_t body_bytes;
    } open[SCREEN_STREAMS_MAX];
    struct screen_block block;
};

void screen_init(struct screen *screen);
/** Bytes in the order in which they came, each once; after another verdict than SCREEN_PASS none
 *  may follow. */
enum screen_verdict screen_take(struct screen *screen, str bytes);
