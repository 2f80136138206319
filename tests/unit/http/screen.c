#include "http/screen.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/random.h"
#include "test.h"

static struct screen screen;

static void begin(void)
{
    screen_init(&screen);
    screen.frames_max = screen.streams_max = screen.held_max = 1 << 30;
    check_int(screen_take(&screen, S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), SCREEN_PASS);
}

static size_t write(char *to, uint8_t type, uint8_t flags, uint32_t stream, str body)
{
    const uint8_t head[9] = {(uint8_t)(body.len >> 16),
                             (uint8_t)(body.len >> 8),
                             (uint8_t)body.len,
                             type,
                             flags,
                             (uint8_t)(stream >> 24),
                             (uint8_t)(stream >> 16),
                             (uint8_t)(stream >> 8),
                             (uint8_t)stream};
    memcpy(to, head, sizeof head);
    if (body.len > 0) memcpy(to + sizeof head, body.at, body.len);
    return sizeof head + body.len;
}

static enum screen_verdict take(uint8_t type, uint8_t flags, uint32_t stream, str body)
{
    static char bytes[1 << 18];
    return screen_take(&screen, (str){bytes, write(bytes, type, flags, stream, body)});
}

/** The fields of a block that does not end in this frame. */
static uint32_t fields(uint8_t flags, str block)
{
    begin();
    check_int(take(1, flags, 1, block), SCREEN_PASS);
    return screen.block.fields;
}

TEST(test_screen__counts_fields_of_each_form)
{
    check_int(fields(0, S("\x82\x86\x84")), 3);     /* indexed */
    check_int(fields(0, S("\xff\x80\x01\x82")), 2); /* by a long index */
    check_int(fields(0, S("\x40\x03"
                          "abc"
                          "\x02"
                          "de\x82")),
              2); /* new name, kept */
    check_int(fields(0, S("\x04\x01/\x01\x09"
                          "localhost\x82")),
              3); /* known names */
    check_int(fields(0, S("\x10\x01"
                          "a"
                          "\x00\x82")),
              2);                                   /* an empty value, never kept */
    check_int(fields(0, S("\x3f\xe1\x1f\x82")), 2); /* a resize counts as one */
    check_int(fields(0, S("\x00\x7f\x01")), 1);     /* a text of 128 bytes begins */
}

TEST(test_screen__leaves_padding_and_priority_out)
{
    check_int(fields(8, S("\x02\x82\x86\x00\x00")), 2);
    check_int(fields(32, S("\x00\x00\x00\x00\x10\x82")), 1);
    check_int(fields(40, S("\x01\x00\x00\x00\x00\x10\x82\x00")), 1);
    check_int(fields(8, S("\xff\x82\x86")), 0); /* more padding than there is */
}

TEST(test_screen__bounds_a_block_over_its_frames)
{
    static char block[16'384];
    memset(block, 0x82, sizeof block);
    begin();
    check_int(take(1, 1, 1, (str){block, 600}), SCREEN_PASS);
    check_int(take(9, 0, 1, (str){block, 600}), SCREEN_HEAD);
    begin();
    check_int(take(1, 5, 1, (str){block, 600}), SCREEN_PASS);
    check_int(take(1, 5, 3, (str){block, 600}), SCREEN_PASS); /* another one */
    check_int(take(1, 5, 5, (str){block, HEAD_FIELDS_MAX + 1}), SCREEN_HEAD);
    begin();
    check_int(take(1, 1, 1, S("\x82")), SCREEN_PASS);
    enum screen_verdict verdict = SCREEN_PASS;
    uint32_t frames = 1;
    for (; verdict == SCREEN_PASS && frames < 1000; frames++) verdict = take(9, 0, 1, S(""));
    check_int(verdict, SCREEN_HEAD);
    check_int(frames, HEAD_FRAMES_MAX + 1);
}

TEST(test_screen__knows_what_requests_hold_that_are_not_whole)
{
    static char body[16'384];
    begin();
    check_int(take(1, 4, 1, S("\x83")), SCREEN_PASS);
    size_t one = screen.held_bytes;
    check(one > 0);
    check_int(take(1, 4, 3, S("\x83")), SCREEN_PASS);
    check_int(take(0, 0, 1, (str){body, sizeof body}), SCREEN_PASS);
    check_int(screen.held_bytes, 2 * one + sizeof body);
    check_int(take(0, 0, 1, (str){body, 1}), SCREEN_PASS); /* h2o's buffer doubles */
    check_int(screen.held_bytes, 2 * one + 2 * sizeof body);
    check_int(take(0, 0, 1, (str){body, sizeof body - 1}), SCREEN_PASS);
    check_int(screen.held_bytes, 2 * one + 2 * sizeof body);
    check_int(take(0, 1, 1, (str){body, 1}), SCREEN_PASS); /* whole */
    check_int(screen.held_bytes, one);
    check_int(take(3, 0, 3, S("\0\0\0\x8")), SCREEN_PASS); /* reset */
    check_int(screen.held_bytes, 0);
    check_int(take(1, 5, 5, S("\x82")), SCREEN_PASS); /* whole at once */
    check_int(screen.held_bytes, 0);
    check_int(take(1, 4, 7, S("\x83")), SCREEN_PASS);
    for (size_t at = 0; at <= BODY_BYTES_MAX / sizeof body; at++)
        check_int(take(0, 0, 7, (str){body, sizeof body}), SCREEN_PASS);
    check_int(screen.held_bytes, 0); /* h2o has reset it by now */
    screen.held_max = 100'000;
    check_int(take(1, 4, 9, S("\x83")), SCREEN_PASS);
    enum screen_verdict verdict = SCREEN_PASS;
    for (int at = 0; at < 20 && verdict == SCREEN_PASS; at++)
        verdict = take(0, 0, 9, (str){body, sizeof body});
    check_int(verdict, SCREEN_BODIES);
}

TEST(test_screen__counts_frames_that_carry_nothing)
{
    begin();
    check_int(take(6, 0, 0, S("12345678")), SCREEN_PASS);
    check_int(take(4, 0, 0, S("")), SCREEN_PASS);
    check_int(take(8, 0, 0, S("\0\0\0\1")), SCREEN_PASS);
    check_int(take(2, 0, 3, S("\0\0\0\0\1")), SCREEN_PASS);
    check_int(screen.frames, 4);
    check_int(take(1, 4, 1, S("\x83")), SCREEN_PASS);
    check_int(screen.frames, 4);
    check_int(take(0, 0, 1, S("")), SCREEN_PASS);
    check_int(take(0, 0, 1, S("a piece of a body of some length")), SCREEN_PASS);
    check_int(take(0, 1, 1, S("")), SCREEN_PASS);
    check_int(screen.frames, 5);
    check_int(take(0, 0, 1, S("behind the end, of some length too")), SCREEN_PASS);
    check_int(screen.frames, 6);
    screen.frames_max = 7;
    check_int(take(77, 0, 0, S("of an unknown kind")), SCREEN_FRAMES);
    begin();
    screen.streams_max = 10;
    for (uint32_t at = 0; at < 10; at++) check_int(take(1, 5, 1 + 2 * at, S("\x82")), SCREEN_PASS);
    check_int(take(1, 5, 99, S("\x82")), SCREEN_STREAMS);
}

/** However the bytes are cut, the same comes out. */
TEST(test_screen__does_not_depend_on_how_bytes_are_cut)
{
    static char bytes[8192];
    for (int round = 0; round < 200; round++) {
        size_t len = 0;
        while (len < 4000) {
            char body[64];
            for (size_t at = 0; at < sizeof body; at++) body[at] = (char)random_uint64();
            uint8_t type = (uint8_t)(random_uint64() % 11);
            uint8_t flags = (uint8_t)(random_uint64() % 64);
            uint32_t stream = (uint32_t)(random_uint64() % 40);
            len += write(bytes + len, type, flags, stream,
                         (str){body, (size_t)(random_uint64() % sizeof body)});
        }
        begin();
        enum screen_verdict whole = screen_take(&screen, (str){bytes, len});
        struct screen one = screen;
        begin();
        enum screen_verdict cut = SCREEN_PASS;
        for (size_t at = 0, piece; at < len && cut == SCREEN_PASS; at += piece) {
            piece = 1 + (size_t)(random_uint64() % 20);
            if (piece > len - at) piece = len - at;
            cut = screen_take(&screen, (str){bytes + at, piece});
        }
        check_int(cut, whole);
        check_int(screen.frames, one.frames);
        check_int(screen.streams, one.streams);
        check_int(screen.held_bytes, one.held_bytes);
        check_int(screen.block.fields, one.block.fields);
    }
}
