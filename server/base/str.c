#include "base/str.h"

#include <math.h>
#include <stdckdint.h>
#include <stdlib.h>

/** Longest text of a number: enough for each double written in full, with room. */
constexpr size_t NUMBER_BYTES_MAX = 1100;

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

/** Moves over digits and says how many there were. */
static size_t skip_digits(struct cursor *cursor)
{
    const char *from = cursor->at;
    while (cursor->at < cursor->end && is_digit(*cursor->at)) cursor->at++;
    return (size_t)(cursor->at - from);
}

static bool skip_byte(struct cursor *cursor, char byte)
{
    if (cursor->at == cursor->end || *cursor->at != byte) return false;
    cursor->at++;
    return true;
}

static void skip_sign(struct cursor *cursor)
{
    if (!skip_byte(cursor, '-')) (void)skip_byte(cursor, '+');
}

static bool is_decimal(str s)
{
    struct cursor cursor = cursor_of(s);
    skip_sign(&cursor);
    size_t digits = skip_digits(&cursor);
    if (skip_byte(&cursor, '.')) digits += skip_digits(&cursor);
    if (digits == 0) return false;
    if (skip_byte(&cursor, 'e') || skip_byte(&cursor, 'E')) {
        skip_sign(&cursor);
        if (skip_digits(&cursor) == 0) return false;
    }
    return cursor_left(&cursor) == 0;
}

static bool is_control(char byte)
{
    return (uint8_t)byte < 0x20 || byte == 0x7f;
}

bool str_has_control(str s)
{
    /* Eight bytes at a time: the high bit stays in each that is below 20, or is 7f. */
    constexpr uint64_t each = 0x0101010101010101;
    size_t at = 0;
    for (; s.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s.at + at, sizeof word);
        uint64_t deleted = word ^ (each * 0x7f);
        uint64_t low = (word - each * 0x20) & ~word;
        deleted = (deleted - each) & ~deleted;
        if (((low | deleted) & (each * 0x80)) != 0) return true;
    }
    while (at < s.len && !is_control(s.at[at])) at++;
    return at < s.len;
}

str str_trim(str s)
{
    while (s.len > 0 && is_space(s.at[0])) s = str_from(s, 1);
    while (s.len > 0 && is_space(s.at[s.len - 1])) s.len--;
    return s;
}

bool str_eq_nocase(str a, str b)
{
    if (a.len != b.len) return false;
    for (size_t at = 0; at < a.len; at++)
        if (lower(a.at[at]) != lower(b.at[at])) return false;
    return true;
}

bool str_to_int64(str s, int64_t *number_out)
{
    struct cursor cursor = cursor_of(s);
    bool is_negative = s.len > 0 && s.at[0] == '-';
    skip_sign(&cursor);
    if (cursor_left(&cursor) == 0) return false;
    int64_t number = 0;
    for (; cursor.at < cursor.end; cursor.at++) {
        if (!is_digit(*cursor.at)) return false;
        int digit = *cursor.at - '0';
        if (ckd_mul(&number, number, 10)) return false;
        /* Towards the sign at once, so that INT64_MIN is reached without its positive twin. */
        if (is_negative ? ckd_sub(&number, number, digit) : ckd_add(&number, number, digit))
            return false;
    }
    *number_out = number;
    return true;
}

bool str_to_double(str s, double *number_out)
{
    if (s.len > NUMBER_BYTES_MAX || !is_decimal(s)) return false;
    char text[NUMBER_BYTES_MAX + 1];
    memcpy(text, s.at, s.len);
    text[s.len] = 0;
    double number = strtod(text, nullptr);
    if (!isfinite(number)) return false;
    *number_out = number;
    return true;
}
