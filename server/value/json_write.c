#include "value/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "value/text.h"

/** `\u001f`, the longest escape of one byte. */
constexpr size_t ESCAPE_BYTES_MAX = 6;
/** `-9223372036854775808` */
constexpr size_t INT_BYTES_MAX = 20;
/** `-2.2250738585072014e-308`, and the NUL of snprintf. */
constexpr size_t FLOAT_BYTES_MAX = 32;
/** Integral doubles up to here are written as integers, and each integer in between is a double. */
constexpr double FLOAT_INT_MAX = 9007199254740992.0; /** 2^53 */

constexpr uint64_t EACH_BYTE = 0x0101010101010101;
constexpr uint64_t EACH_HIGH_BIT = 0x8080808080808080;

/** Nonzero when one of eight bytes needs an escape: below 20, `"` or `\`. Exact up to the lowest
 *  such byte. */
static uint64_t word_escapes(uint64_t word)
{
    uint64_t quote = word ^ (EACH_BYTE * '"');
    uint64_t slash = word ^ (EACH_BYTE * '\\');
    uint64_t control = (word - EACH_BYTE * 0x20) & ~word;
    quote = (quote - EACH_BYTE) & ~quote;
    slash = (slash - EACH_BYTE) & ~slash;
    return (control | quote | slash) & EACH_HIGH_BIT;
}

static bool byte_escapes(char byte)
{
    return (uint8_t)byte < 0x20 || byte == '"' || byte == '\\';
}

/** How many of the first bytes can be written as they are. */
static size_t plain_len(str text)
{
    size_t at = 0;
    for (; text.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, text.at + at, sizeof word);
        if (word_escapes(word) != 0) break;
    }
    bool is_end_plain = false;
    if (text.len >= sizeof(uint64_t) && text.len - at < sizeof(uint64_t)) {
        /* The rest, together with bytes before it that were seen already. */
        uint64_t word;
        memcpy(&word, text.at + text.len - sizeof word, sizeof word);
        is_end_plain = word_escapes(word) == 0;
    }
    if (is_end_plain) return text.len;
    while (at < text.len && !byte_escapes(text.at[at])) at++;
    return at;
}

static void escape_put(struct buf *out, char byte)
{
    static const char hex[] = "0123456789abcdef";
    char text[ESCAPE_BYTES_MAX] = {'\\', 'u', '0', '0', hex[(uint8_t)byte >> 4], hex[byte & 15]};
    size_t len = 2;
    switch (byte) {
    case '"':
    case '\\':
        text[1] = byte;
        break;
    case '\b':
        text[1] = 'b';
        break;
    case '\f':
        text[1] = 'f';
        break;
    case '\n':
        text[1] = 'n';
        break;
    case '\r':
        text[1] = 'r';
        break;
    case '\t':
        text[1] = 't';
        break;
    default:
        len = ESCAPE_BYTES_MAX;
    }
    buf_put(out, (str){text, len});
}

void json_write_text(struct buf *out, str text)
{
    size_t plain = plain_len(text);
    if (plain == text.len) {
        char *room = buf_room(out, text.len + 2);
        if (room == nullptr) return;
        room[0] = '"';
        if (text.len > 0) memcpy(room + 1, text.at, text.len);
        room[text.len + 1] = '"';
        buf_grew(out, text.len + 2);
        return;
    }
    buf_put_byte(out, '"');
    while (text.len > 0) {
        buf_put(out, str_first(text, plain));
        text = str_from(text, plain);
        if (text.len == 0) break;
        escape_put(out, text.at[0]);
        text = str_from(text, 1);
        plain = plain_len(text);
    }
    buf_put_byte(out, '"');
}

/** Two digits for each division. */
static char *digits_before(char *end, uint64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    while (number >= 100) {
        end -= 2;
        memcpy(end, pairs + number % 100 * 2, 2);
        number /= 100;
    }
    if (number >= 10) {
        end -= 2;
        memcpy(end, pairs + number * 2, 2);
        return end;
    }
    *--end = (char)('0' + number);
    return end;
}

void json_write_int(struct buf *out, int64_t number)
{
    char text[INT_BYTES_MAX];
    char *end = text + sizeof text;
    char *at = digits_before(end, number < 0 ? -(uint64_t)number : (uint64_t)number);
    if (number < 0) *--at = '-';
    buf_put(out, str_between(at, end));
}

void json_write_float(struct buf *out, double number)
{
    if (!isfinite(number)) {
        /* JSON has no word for it, and no value that was checked holds one. */
        buf_put(out, S("null"));
        return;
    }
    if (fabs(number) <= FLOAT_INT_MAX && number == trunc(number)) {
        json_write_int(out, (int64_t)number);
        return;
    }
    /* 15 digits survive decimal-binary-decimal, 17 binary-decimal-binary. */
    char text[FLOAT_BYTES_MAX];
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, nullptr) == number) break;
    }
    buf_put(out, (str){text, (size_t)len});
}

static void value_put(struct buf *out, const struct value *value, uint32_t depth);

/** A key of a map: a text, or an integer as decimal text. */
static void key_put(struct buf *out, const struct value *key)
{
    if (key->kind == VALUE_TEXT) {
        json_write_text(out, key->text);
        return;
    }
    buf_put_byte(out, '"');
    if (key->kind == VALUE_INT) json_write_int(out, key->integer);
    buf_put_byte(out, '"');
}

static void list_put(struct buf *out, const struct value *list, uint32_t depth)
{
    struct cursor items = cursor_of(list->items);
    struct value item;
    buf_put_byte(out, '[');
    for (uint32_t at = 0; at < list->count && value_next(&items, &item); at++) {
        if (at > 0) buf_put_byte(out, ',');
        value_put(out, &item, depth);
    }
    buf_put_byte(out, ']');
}

static void map_put(struct buf *out, const struct value *map, uint32_t depth)
{
    struct cursor items = cursor_of(map->items);
    struct value key, item;
    buf_put_byte(out, '{');
    for (uint32_t at = 0; at < map->count; at++) {
        if (!value_next(&items, &key) || !value_next(&items, &item)) break;
        if (at > 0) buf_put_byte(out, ',');
        key_put(out, &key);
        buf_put_byte(out, ':');
        value_put(out, &item, depth);
    }
    buf_put_byte(out, '}');
}

static void bytes_put(struct buf *out, str bytes)
{
    buf_put_byte(out, '"');
    buf_put(out, base64url_write(out->arena, bytes));
    buf_put_byte(out, '"');
}

/** Damaged storage may nest deeper than a checked value; what lies below is told as null. */
static void value_put(struct buf *out, const struct value *value, uint32_t depth)
{
    bool is_too_deep = depth >= VALUE_DEPTH_MAX;
    switch (value->kind) {
    case VALUE_NIL:
        buf_put(out, S("null"));
        return;
    case VALUE_BOOL:
        buf_put(out, value->boolean ? S("true") : S("false"));
        return;
    case VALUE_INT:
        json_write_int(out, value->integer);
        return;
    case VALUE_FLOAT:
        json_write_float(out, value->number);
        return;
    case VALUE_TEXT:
        json_write_text(out, value->text);
        return;
    case VALUE_BYTES:
        bytes_put(out, value->text);
        return;
    case VALUE_LIST:
        if (is_too_deep) buf_put(out, S("null"));
        else list_put(out, value, depth + 1);
        return;
    case VALUE_MAP:
        if (is_too_deep) buf_put(out, S("null"));
        else map_put(out, value, depth + 1);
        return;
    }
}

void json_write(struct buf *out, const struct value *value)
{
    value_put(out, value, 0);
}

static void member_begin(struct buf *out, const char *name)
{
    bool is_first = out->len > 0 && out->at[out->len - 1] == '{';
    buf_print(out, "%s\"%s\":", is_first ? "" : ",", name);
}

void json_member_text(struct buf *out, const char *name, str text)
{
    member_begin(out, name);
    if (text.len == 0) buf_put(out, S("null"));
    else json_write_text(out, text);
}

void json_member_id(struct buf *out, const char *name, struct id id)
{
    char text[ID_TEXT_BYTES];
    id_write(id, text);
    json_member_text(out, name, id_is_nil(id) ? (str){} : (str){text, ID_TEXT_BYTES});
}

void json_member_time(struct buf *out, const char *name, int64_t at_ms)
{
    member_begin(out, name);
    if (at_ms == 0) {
        buf_put(out, S("null"));
        return;
    }
    buf_put_byte(out, '"');
    time_write(out, at_ms);
    buf_put_byte(out, '"');
}
