/* The screen before h2o, of any bytes: however they come in pieces, it says the same of them,
 * stands where it stood, and reads nothing beside them.
 *
 * Input: three bytes of what is allowed, one that seeds the pieces, then what comes over the
 * connection. One that begins with `F` is made of frames first: each four bytes are kind, flags,
 * stream and length, so that whole frames are met without a guess of nine bytes. */
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/require.h"
#include "http/screen.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerInitialize(int *count, char ***words);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t max);

constexpr size_t HEAD_BYTES = 5; /** of the input */
constexpr size_t STREAM_BYTES_MAX = 64 * 1024;
constexpr size_t PREFACE = 24;
static const char preface[PREFACE + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** What an honest client begins with, and what attackers have sent. */
static const struct seed {
    const char *bytes;
    size_t len;
} seeds[] = {
#define SEED(literal) \
    { \
        literal, sizeof(literal) - 1 \
    }
    /* Settings, a window, one request of five fields, its acknowledgement, a ping, a body. */
    SEED("\x20\x08\x10\x07"
         "F"
         "\4\0\0\0\x08\0\0\4"
         "\1\5\1\5\x82\x86\x84\x41\x0f"
         "\4\1\0\0\6\0\0\x08\0\1\3\x20"),
    /* Streams that are opened and reset. */
    SEED("\x10\x04\x10\x21"
         "F\1\4\1\1\x82\3\0\1\4\1\4\3\1\x82\3\0\3\4\1\4\5\1\x82\3\0\5\4\1\4\7\1\x82\3\0\7\4"),
    /* A head without an end: one frame, and pieces of it; fields that are one byte each. */
    SEED("\x10\x04\x10\x30"
         "F\1\0\1\x08\x82\x82\x82\x82\x82\x82\x82\x82\x09\0\1\2\x82\x82\x09\0\1\0\x09\4\1\1\x82"),
    /* Padding and priority, a literal of two long strings, an index in several bytes, a resize. */
    SEED("\x10\x04\x10\x55"
         "F\1\x2d\1\x20\3\0\0\0\0\x10\x40\x05hello\x05world\xff\x80\x01\x3f\xe1\x1f\x00\x7f\x01"),
    /* A frame of an unknown kind, an empty one, one of a length that never comes. */
    SEED("\x10\x04\x10\x99"
         "F\x63\0\0\2ab\0\0\1\0\0\1\1\0\1\4\1\xff"),
    /* As it stands on the wire. */
    SEED("\x10\x04\x10\x12"
         "WPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\0\0\3\1\5\0\0\0\1\x82\x86\x84"),
#undef SEED
};

/** What comes over the connection; the length. */
static size_t compose(const uint8_t *bytes, size_t len, char *room)
{
    bool is_framed = bytes[4] == 'F';
    bytes += HEAD_BYTES;
    len -= HEAD_BYTES;
    if (!is_framed) return memcpy(room, bytes, len), len;
    memcpy(room, preface, PREFACE);
    size_t to = PREFACE;
    for (size_t at = 0; at + 4 <= len && to + 9 + 255 * 16 < STREAM_BYTES_MAX;) {
        const uint8_t *said = bytes + at;
        /* The longest lengths are far more than follows: the frame is never whole. */
        uint32_t length = said[3] < 0xf0 ? said[3] : (uint32_t)(said[3] - 0xef) << 14;
        char head[9] = {(char)(length >> 16),
                        (char)(length >> 8),
                        (char)length,
                        (char)said[0],
                        (char)said[1],
                        0,
                        0,
                        0,
                        (char)said[2]};
        memcpy(room + to, head, sizeof head);
        to += sizeof head;
        at += 4;
        size_t here = len - at < length ? len - at : length;
        memcpy(room + to, bytes + at, here);
        to += here;
        at += here;
    }
    return to;
}

static void begin(struct screen *screen, const uint8_t *bytes)
{
    screen_init(screen);
    screen->frames_max = bytes[0];
    screen->streams_max = bytes[1];
    screen->held_max = (size_t)bytes[2] << 10;
}

/** In a room of its own, so that whoever reads beside it is found out. */
static enum screen_verdict take(struct screen *screen, const char *at, size_t len)
{
    char *room = memory_take(len > 0 ? len : 1);
    memcpy(room, at, len);
    enum screen_verdict verdict = screen_take(screen, (str){room, len});
    memory_give(room);
    return verdict;
}

static bool is_same(const struct screen *a, const struct screen *b)
{
    bool is = a->frames == b->frames && a->streams == b->streams &&
              a->held_bytes == b->held_bytes && a->preface_left == b->preface_left &&
              a->head_len == b->head_len && a->stream_last == b->stream_last &&
              a->open_count == b->open_count && a->block.fields == b->block.fields &&
              a->block.bytes == b->block.bytes && a->block.frames == b->block.frames &&
              memcmp(a->head, b->head, a->head_len) == 0;
    /* Of a frame that is under way. */
    if (is && a->head_len == sizeof a->head)
        is = a->left == b->left && a->place == b->place && a->block.step == b->block.step;
    for (uint32_t at = 0; is && at < a->open_count; at++)
        is = a->open[at].stream == b->open[at].stream && a->open[at].bytes == b->open[at].bytes;
    return is;
}

static void hold_sums(const struct screen *screen)
{
    size_t held = 0;
    require(screen->open_count <= SCREEN_STREAMS_MAX);
    for (uint32_t at = 0; at < screen->open_count; at++) held += screen->open[at].bytes;
    require(held == screen->held_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static char room[STREAM_BYTES_MAX];
    if (len < HEAD_BYTES || len > STREAM_BYTES_MAX / 2) return 0;
    size_t stream_len = compose(bytes, len, room);
    struct screen whole, single, pieces;
    begin(&whole, bytes);
    begin(&single, bytes);
    begin(&pieces, bytes);
    enum screen_verdict verdict = take(&whole, room, stream_len), of_single = SCREEN_PASS,
                        of_pieces = SCREEN_PASS;
    hold_sums(&whole);
    for (size_t at = 0; of_single == SCREEN_PASS && at < stream_len; at++)
        of_single = take(&single, room + at, 1);
    uint32_t seed = bytes[3];
    for (size_t at = 0; of_pieces == SCREEN_PASS && at < stream_len;) {
        seed = seed * 1'103'515'245u + 12'345u;
        size_t here = (seed >> 16) % (seed & 0x8000 ? 12 : 300);
        if (here > stream_len - at) here = stream_len - at;
        of_pieces = take(&pieces, room + at, here);
        at += here;
    }
    require(of_single == verdict && of_pieces == verdict);
    if (verdict == SCREEN_PASS) require(is_same(&whole, &single) && is_same(&whole, &pieces));
    return 0;
}

/** A head of more fields than are allowed, in one frame: too long to be written down. */
static size_t long_head(uint8_t *bytes, size_t max, uint8_t held_max)
{
    const uint8_t begin[] = {0x10, 0x04, held_max, 0x31, 'F', 1, 5, 1, 0xf0};
    size_t len = sizeof begin + HEAD_FIELDS_MAX + 200;
    if (len > max) len = max;
    memset(bytes, 0x82, len);
    memcpy(bytes, begin, len < sizeof begin ? len : sizeof begin);
    return len;
}

/** Begins from the seeds now and then: the corpus of a run is empty at first. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned int seed)
{
    if (seed % 64 == 1) {
        len = long_head(bytes, max, (uint8_t)(seed / 64));
    } else if (seed % 16 == 0 || len < HEAD_BYTES) {
        const struct seed *chosen = &seeds[seed / 16 % (sizeof seeds / sizeof seeds[0])];
        len = chosen->len < max ? chosen->len : max;
        memcpy(bytes, chosen->bytes, len);
    }
    return LLVMFuzzerMutate(bytes, len, max);
}

/** The seeds as they stand are judged, whatever is made of them later. */
int LLVMFuzzerInitialize(int *, char ***)
{
    for (size_t at = 0; at < sizeof seeds / sizeof seeds[0]; at++)
        (void)LLVMFuzzerTestOneInput((const uint8_t *)seeds[at].bytes, seeds[at].len);
    static uint8_t head[HEAD_FIELDS_MAX + 256];
    for (uint8_t held_max = 0; held_max < 20; held_max += 4)
        (void)LLVMFuzzerTestOneInput(head, long_head(head, sizeof head, held_max));
    return 0;
}
