#include "value/key.h"

#include "base/limits.h"

constexpr uint64_t SIGN_BIT = (uint64_t)1 << 63;

static void put_number(struct buf *out, uint64_t number)
{
    char bytes[8];
    for (int at = 7; at >= 0; at--, number >>= 8) bytes[at] = (char)(number & 0xff);
    buf_put(out, (str){bytes, sizeof bytes});
}

/** 0 when the bytes are too few: a damaged key sorts somewhere, its record is checked anyway. */
static uint64_t get_number(str key)
{
    if (key.len < 8) return 0;
    uint64_t number = 0;
    for (size_t at = 0; at < 8; at++) number = number << 8 | (uint8_t)key.at[at];
    return number;
}

void key_put_int(struct buf *out, int64_t number)
{
    put_number(out, (uint64_t)number ^ SIGN_BIT);
}

void key_put_float(struct buf *out, double number)
{
    if (number == 0) number = 0; /* -0 too */
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    /* The order of negative numbers is that of their bits turned round. */
    put_number(out, (bits & SIGN_BIT) != 0 ? ~bits : bits | SIGN_BIT);
}

void key_put_bool(struct buf *out, bool boolean)
{
    buf_put_byte(out, boolean ? 1 : 0);
}

void key_put_text(struct buf *out, str text)
{
    str before_nul, behind_nul;
    (void)str_cut(text, 0, &before_nul, &behind_nul);
    buf_put(out, str_first(before_nul, KEY_ORDERED_BYTES_MAX));
    if (before_nul.len < KEY_ORDERED_BYTES_MAX) buf_put_byte(out, 0);
}

int64_t key_get_int(str key)
{
    return (int64_t)(get_number(key) ^ SIGN_BIT);
}

double key_get_float(str key)
{
    uint64_t bits = get_number(key);
    bits = (bits & SIGN_BIT) != 0 ? bits ^ SIGN_BIT : ~bits;
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}
