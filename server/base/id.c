#include "base/id.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/random.h"

/** Milliseconds in the upper 48 bits, below them a counter that fills RFC 9562's rand_a (method 1:
 *  a counter of fixed length). It runs over into the milliseconds, so it cannot repeat. */
static _Atomic uint64_t last_tick;
constexpr int COUNTER_BITS = 12;
constexpr uint64_t MILLISECONDS_MAX = ((uint64_t)1 << 48) - 1;

static uint64_t tick_next(void)
{
    int64_t now_ms = clock_now_ms();
    uint64_t now = now_ms < 0 ? 0 : (uint64_t)now_ms;
    if (now > MILLISECONDS_MAX) now = MILLISECONDS_MAX;
    uint64_t last = atomic_load_explicit(&last_tick, memory_order_relaxed);
    uint64_t tick;
    do {
        tick = now << COUNTER_BITS;
        if (tick <= last) tick = last + 1;
    } while (!atomic_compare_exchange_weak(&last_tick, &last, tick));
    return tick;
}

static void put_big_endian(uint8_t *at, uint64_t number, int bytes)
{
    for (int byte = bytes - 1; byte >= 0; byte--, number >>= 8) at[byte] = (uint8_t)number;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    return -1;
}

static bool is_hyphen_at(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

struct id id_make(void)
{
    struct id id;
    uint64_t tick = tick_next();
    put_big_endian(id.bytes, tick >> COUNTER_BITS, 6);
    put_big_endian(id.bytes + 6, 0x7000 | (tick & 0xfff), 2);
    put_big_endian(id.bytes + 8, (random_uint64() >> 2) | ((uint64_t)1 << 63), 8);
    return id;
}

bool id_is_nil(struct id id)
{
    static const struct id nil;
    return id_eq(id, nil);
}

static char *write_hex(char *at, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t byte = 0; byte < count; byte++) {
        at[2 * byte] = digits[bytes[byte] >> 4];
        at[2 * byte + 1] = digits[bytes[byte] & 15];
    }
    return at + 2 * count;
}

void id_write(struct id id, char text_out[ID_TEXT_BYTES])
{
    char *at = write_hex(text_out, id.bytes, 4);
    for (size_t byte = 4; byte < 10; byte += 2) {
        *at = '-';
        at = write_hex(at + 1, id.bytes + byte, 2);
    }
    *at = '-';
    write_hex(at + 1, id.bytes + 10, 6);
}

str id_text(struct arena *arena, struct id id)
{
    char *text = arena_take_raw(arena, ID_TEXT_BYTES);
    id_write(id, text);
    return (str){text, ID_TEXT_BYTES};
}

bool id_parse(str text, struct id *id_out)
{
    if (text.len != ID_TEXT_BYTES) return false;
    struct id id;
    size_t at = 0;
    for (size_t byte = 0; byte < sizeof id.bytes; byte++) {
        if (is_hyphen_at(at) && text.at[at++] != '-') return false;
        int high = hex_digit(text.at[at]);
        int low = hex_digit(text.at[at + 1]);
        if (high < 0 || low < 0) return false;
        id.bytes[byte] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    *id_out = id;
    return true;
}

bool id_of_bytes(str bytes, struct id *id_out)
{
    if (bytes.len != sizeof id_out->bytes) return false;
    memcpy(id_out->bytes, bytes.at, sizeof id_out->bytes);
    return true;
}
