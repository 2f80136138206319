/** str: a slice of bytes, by value. It owns nothing; the arena, input or map it points into does.
 *
 *  Floor   base.
 *  Thread  any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *at;
    size_t len;
} str;

/** A slice of a string literal. */
#define S(literal) ((str){"" literal, sizeof(literal) - 1})
/** The two arguments of a "%.*s". */
#define FMT(s) (int)(s).len, (s).at

static inline str str_of(const char *text)
{
    return (str){text, text == nullptr ? 0 : strlen(text)};
}

static inline str str_between(const char *from, const char *end)
{
    return (str){from, (size_t)(end - from)};
}

static inline bool str_eq(str a, str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/** Byte order; a prefix sorts before what it begins. Negative, zero or positive. */
static inline int str_compare(str a, str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.at, b.at, shorter);
    if (order != 0) return order;
    return a.len < b.len ? -1 : a.len > b.len ? 1 : 0;
}

static inline bool str_starts(str s, str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

static inline bool str_ends(str s, str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.at + s.len - suffix.len, suffix.at, suffix.len) == 0);
}

/** The bytes from `from` to the end; empty when `from` lies past it. */
static inline str str_from(str s, size_t from)
{
    return from >= s.len ? (str){s.at + s.len, 0} : (str){s.at + from, s.len - from};
}

/** At most the first `len` bytes. */
static inline str str_first(str s, size_t len)
{
    return (str){s.at, s.len < len ? s.len : len};
}

/** Whether there is a control byte: below 20, or 7f. Tabs and line ends are such. */
bool str_has_control(str s);

/** The place of the first such byte, or SIZE_MAX. */
static inline size_t str_find_byte(str s, char byte)
{
    const char *at = s.len == 0 ? nullptr : memchr(s.at, byte, s.len);
    return at == nullptr ? SIZE_MAX : (size_t)(at - s.at);
}

/** Splits at the first such byte into what stands before and behind it.
 *  Without one, all is before. */
static inline bool str_cut(str s, char byte, str *before_out, str *behind_out)
{
    size_t at = str_find_byte(s, byte);
    *before_out = at == SIZE_MAX ? s : str_first(s, at);
    *behind_out = at == SIZE_MAX ? (str){s.at + s.len, 0} : str_from(s, at + 1);
    return at != SIZE_MAX;
}

/** Without ASCII white space at both ends. */
str str_trim(str s);

/** ASCII letters compared without case. */
bool str_eq_nocase(str a, str b);

/** A decimal integer and nothing else; false when it is none or out of range. */
bool str_to_int64(str s, int64_t *number_out);

/** A decimal number (sign, point, exponent; no hex, inf or nan) and nothing else. */
bool str_to_double(str s, double *number_out);

/** A place in input that moves forward; parsers take one and give slices of the input. */
struct cursor {
    const char *at;
    const char *end;
};

static inline struct cursor cursor_of(str s)
{
    return (struct cursor){s.at, s.at + s.len};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}
