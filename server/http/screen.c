#include "http/screen.h"

#include <string.h>

#include "base/limits.h"

constexpr uint32_t PREFACE_BYTES = 24;
constexpr uint32_t DATA_BYTES_SMALL = 16; /** a frame of less is mostly frame */
constexpr uint32_t FIELD_COST = 128;      /** what h2o takes for a field, about, in bytes */
constexpr uint32_t STREAM_COST = 4096;    /** for a stream */
constexpr uint32_t UNKNOWN_COST = 100;    /** h2o prints each: as many frames as that */
constexpr uint32_t BODY_ROOM_MIN = 8192;  /** of h2o's buffers */
constexpr uint32_t NUMBER_MAX = 1u << 30;

enum frame_type : uint8_t {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RESET = 3,
    FRAME_KNOWN_LAST = 9,
    FRAME_CONTINUATION = 9,
};
enum frame_flag : uint8_t {
    FLAG_END_STREAM = 1,
    FLAG_END_HEADERS = 4,
    FLAG_PADDED = 8,
    FLAG_PRIORITY = 32,
};

enum step : uint8_t { STEP_FIELD, STEP_INDEX, STEP_LENGTH, STEP_LENGTH_MORE, STEP_TEXT };

/* Header blocks. */

static void field_over(struct screen_block *block)
{
    block->step = block->strings_due > 0 ? STEP_LENGTH : STEP_FIELD;
}

static void length_over(struct screen_block *block)
{
    block->strings_due--;
    block->skip = block->number;
    if (block->skip > 0) block->step = STEP_TEXT;
    else field_over(block);
}

/** The first byte of a field (RFC 7541, 6). */
static void field_begin(struct screen_block *block, uint8_t byte)
{
    bool is_indexed = (byte & 0x80) != 0;
    bool is_resize = (byte & 0xe0) == 0x20;
    uint8_t mask = is_indexed ? 0x7f : (byte & 0xc0) == 0x40 ? 0x3f : is_resize ? 0x1f : 0x0f;
    uint8_t index = byte & mask;
    /* A resize is no field, but as cheap to send. */
    block->fields++;
    block->strings_due = is_indexed || is_resize ? 0 : index == 0 ? 2 : 1;
    if (index == mask) block->step = STEP_INDEX;
    else field_over(block);
}

static void length_begin(struct screen_block *block, uint8_t byte)
{
    block->number = byte & 0x7f;
    block->shift = 0;
    if (block->number == 0x7f) block->step = STEP_LENGTH_MORE;
    else length_over(block);
}

static void length_more(struct screen_block *block, uint8_t byte)
{
    uint64_t more = block->shift < 28 ? (uint64_t)(byte & 0x7f) << block->shift : NUMBER_MAX;
    uint64_t number = block->number + more;
    block->number = number > NUMBER_MAX ? NUMBER_MAX : (uint32_t)number;
    if (block->shift < 28) block->shift += 7;
    if ((byte & 0x80) == 0) length_over(block);
}

static void block_take(struct screen_block *block, str bytes)
{
    block->bytes += (uint32_t)bytes.len;
    for (size_t at = 0; at < bytes.len; at++) {
        uint8_t byte = (uint8_t)bytes.at[at];
        switch ((enum step)block->step) {
        case STEP_FIELD:
            field_begin(block, byte);
            break;
        case STEP_INDEX:
            if ((byte & 0x80) == 0) field_over(block);
            break;
        case STEP_LENGTH:
            length_begin(block, byte);
            break;
        case STEP_LENGTH_MORE:
            length_more(block, byte);
            break;
        case STEP_TEXT: {
            size_t here = bytes.len - at < block->skip ? bytes.len - at : block->skip;
            block->skip -= (uint32_t)here;
            at += here - 1;
            if (block->skip == 0) field_over(block);
            break;
        }
        }
    }
}

static bool block_is_over(const struct screen_block *block)
{
    return block->bytes > HEAD_BLOCK_BYTES_MAX || block->fields > HEAD_FIELDS_MAX ||
           block->frames > HEAD_FRAMES_MAX;
}

/* Streams. */

/** Its place, or SCREEN_STREAMS_MAX. */
static uint32_t find(const struct screen *screen, uint32_t stream)
{
    for (uint32_t at = 0; at < screen->open_count; at++)
        if (screen->open[at].stream == stream) return at;
    return SCREEN_STREAMS_MAX;
}

static void hold(struct screen *screen, uint32_t stream, uint32_t bytes)
{
    uint32_t at = find(screen, stream);
    if (at == SCREEN_STREAMS_MAX) return;
    screen->open[at].bytes += bytes;
    screen->held_bytes += bytes;
}

static void let_go(struct screen *screen, uint32_t stream)
{
    uint32_t at = find(screen, stream);
    if (at == SCREEN_STREAMS_MAX) return;
    screen->held_bytes -= screen->open[at].bytes;
    screen->open[at] = screen->open[--screen->open_count];
}

/** h2o has at most 100 open; of more than are known apart, the oldest was reset by h2o itself. */
static void stream_open(struct screen *screen, uint32_t stream)
{
    if (screen->open_count == SCREEN_STREAMS_MAX) let_go(screen, screen->open[0].stream);
    screen->open[screen->open_count].stream = stream;
    screen->open[screen->open_count].bytes = 0;
    screen->open[screen->open_count].body_bytes = 0;
    screen->open_count++;
    hold(screen, stream, STREAM_COST);
}

/** What h2o's buffer takes for a body of so many bytes: it doubles. */
static uint32_t room_of(uint32_t body_bytes)
{
    uint32_t room = BODY_ROOM_MIN;
    if (body_bytes == 0) return 0;
    while (room < body_bytes) room *= 2;
    return room;
}

/** Whether it is a frame that carries something. */
static bool data_take(struct screen *screen, uint32_t stream, uint32_t bytes, bool is_last)
{
    uint32_t at = find(screen, stream);
    if (at == SCREEN_STREAMS_MAX) return false;
    uint32_t before = screen->open[at].body_bytes;
    uint32_t now = before + bytes;
    screen->open[at].body_bytes = now;
    /* Such a stream h2o resets itself. */
    if (now > BODY_BYTES_MAX + 1) let_go(screen, stream);
    else hold(screen, stream, room_of(now) - room_of(before));
    return is_last || bytes >= DATA_BYTES_SMALL;
}

/* Frames. */

static uint32_t stream_of(const struct screen *screen)
{
    const uint8_t *head = screen->head;
    return (uint32_t)(head[5] & 0x7f) << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 |
           head[8];
}

static void frame_begin_headers(struct screen *screen)
{
    uint32_t stream = stream_of(screen);
    screen->block = (struct screen_block){.frames = 1};
    if (stream <= screen->stream_last) {
        screen->frames++;
        return;
    }
    screen->stream_last = stream;
    screen->streams++;
    stream_open(screen, stream);
}

static void frame_begin(struct screen *screen)
{
    uint8_t type = screen->head[3];
    uint8_t flags = screen->head[4];
    uint32_t stream = stream_of(screen);
    screen->left =
        (uint32_t)screen->head[0] << 16 | (uint32_t)screen->head[1] << 8 | screen->head[2];
    screen->place = 0;
    screen->pad_left = 0;
    if (type == FRAME_HEADERS) {
        frame_begin_headers(screen);
    } else if (type == FRAME_CONTINUATION) {
        screen->block.frames++;
    } else if (type == FRAME_DATA) {
        if (!data_take(screen, stream, screen->left, (flags & FLAG_END_STREAM) != 0))
            screen->frames++;
    } else {
        screen->frames += type <= FRAME_KNOWN_LAST ? 1 : UNKNOWN_COST;
        if (type == FRAME_RESET) let_go(screen, stream);
    }
}

/** A piece of a header frame's payload: what is left of it without padding and priority. */
static void headers_take(struct screen *screen, str bytes)
{
    uint8_t flags = screen->head[3] == FRAME_HEADERS ? screen->head[4] : 0;
    uint32_t first = (flags & FLAG_PADDED ? 1 : 0) + (flags & FLAG_PRIORITY ? 5 : 0);
    uint32_t place = screen->place;
    uint32_t left = screen->left;
    if ((flags & FLAG_PADDED) && place == 0 && bytes.len > 0)
        screen->pad_left = (uint8_t)bytes.at[0];
    if (place < first) {
        uint32_t here = first - place < bytes.len ? first - place : (uint32_t)bytes.len;
        bytes = str_from(bytes, here);
        left -= here;
    }
    uint32_t block_left = left > screen->pad_left ? left - screen->pad_left : 0;
    if (bytes.len > block_left) bytes.len = block_left;
    block_take(&screen->block, bytes);
}

static void frame_end(struct screen *screen)
{
    uint8_t type = screen->head[3];
    uint8_t flags = screen->head[4];
    uint32_t stream = stream_of(screen);
    bool is_head = type == FRAME_HEADERS || type == FRAME_CONTINUATION;
    if (is_head && (flags & FLAG_END_HEADERS) != 0) {
        hold(screen, stream, screen->block.bytes + screen->block.fields * FIELD_COST);
        screen->block = (struct screen_block){};
    }
    /* Then it is whole, and somebody's to answer. */
    if ((type == FRAME_DATA || type == FRAME_HEADERS) && (flags & FLAG_END_STREAM) != 0)
        let_go(screen, stream);
    screen->head_len = 0;
}

static enum screen_verdict verdict_of(const struct screen *screen)
{
    if (screen->frames > screen->frames_max) return SCREEN_FRAMES;
    if (screen->streams > screen->streams_max) return SCREEN_STREAMS;
    if (block_is_over(&screen->block)) return SCREEN_HEAD;
    if (screen->held_bytes > screen->held_max) return SCREEN_BODIES;
    return SCREEN_PASS;
}

void screen_init(struct screen *screen)
{
    *screen = (struct screen){.preface_left = PREFACE_BYTES};
}

enum screen_verdict screen_take(struct screen *screen, str bytes)
{
    size_t preface = bytes.len < screen->preface_left ? bytes.len : screen->preface_left;
    screen->preface_left -= (uint32_t)preface;
    bytes = str_from(bytes, preface);
    while (bytes.len > 0) {
        size_t missing = sizeof screen->head - screen->head_len;
        size_t here = bytes.len < missing ? bytes.len : missing;
        memcpy(screen->head + screen->head_len, bytes.at, here);
        screen->head_len += (uint8_t)here;
        bytes = str_from(bytes, here);
        if (screen->head_len < sizeof screen->head) break;
        enum screen_verdict verdict = SCREEN_PASS;
        if (missing > 0) {
            frame_begin(screen);
            verdict = verdict_of(screen);
        }
        if (verdict != SCREEN_PASS) return verdict;
        here = bytes.len < screen->left ? bytes.len : screen->left;
        if (screen->head[3] == FRAME_HEADERS || screen->head[3] == FRAME_CONTINUATION)
            headers_take(screen, str_first(bytes, here));
        bytes = str_from(bytes, here);
        screen->left -= (uint32_t)here;
        screen->place += (uint32_t)here;
        verdict = verdict_of(screen);
        if (verdict != SCREEN_PASS) return verdict;
        if (screen->left == 0) frame_end(screen);
    }
    return SCREEN_PASS;
}
