#include "http/head.h"

enum head_field : uint8_t { FIELD_NONE, FIELD_HOST, FIELD_LENGTH, FIELD_ENCODING };

static enum head_field field_of(str line)
{
    static const struct {
        str name;
        enum head_field field;
    } fields[] = {
        {S("host:"), FIELD_HOST},
        {S("content-length:"), FIELD_LENGTH},
        {S("transfer-encoding:"), FIELD_ENCODING},
    };
    for (size_t at = 0; at < sizeof fields / sizeof fields[0]; at++)
        if (line.len >= fields[at].name.len &&
            str_eq_nocase(str_first(line, fields[at].name.len), fields[at].name))
            return fields[at].field;
    return FIELD_NONE;
}

static bool line_take(str *bytes, str *line_out)
{
    size_t end = str_find_byte(*bytes, '\n');
    if (end == SIZE_MAX) return false;
    size_t len = end > 0 && bytes->at[end - 1] == '\r' ? end - 1 : end;
    *line_out = str_first(*bytes, len);
    *bytes = str_from(*bytes, end + 1);
    return true;
}

bool head_is_sound(str bytes)
{
    uint32_t counts[FIELD_ENCODING + 1] = {};
    str first = S(""), line;
    /* One empty line before a request is let pass (RFC 9112, 2.2). */
    while (first.len == 0)
        if (!line_take(&bytes, &first)) return false;
    while (line_take(&bytes, &line) && line.len > 0) {
        char letter = line.at[0];
        if (letter == ' ' || letter == '\t') return false; /* RFC 9112, 5.2 */
        letter |= 0x20;
        if (letter == 'h' || letter == 'c' || letter == 't') counts[field_of(line)]++;
    }
    bool is_1_0 = str_ends(first, S(" HTTP/1.0"));
    return counts[FIELD_HOST] <= 1 && counts[FIELD_LENGTH] + counts[FIELD_ENCODING] <= 1 &&
           !(is_1_0 && counts[FIELD_ENCODING] > 0);
}
