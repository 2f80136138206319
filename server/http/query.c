#include "http/query.h"

#include "base/fold.h"

static int digit_of(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

/** Decodes escapes; false when one is broken. */
static bool unescape(struct arena *arena, str text, bool plus_is_space, str *text_out)
{
    char *room = arena_take_raw(arena, text.len + 1);
    size_t len = 0;
    for (size_t at = 0; at < text.len; at++) {
        char byte = text.at[at];
        if (byte == '+' && plus_is_space) {
            byte = ' ';
        } else if (byte == '%') {
            if (text.len - at < 3) return false;
            int high = digit_of(text.at[at + 1]);
            int low = digit_of(text.at[at + 2]);
            if (high < 0 || low < 0) return false;
            byte = (char)(high * 16 + low);
            at += 2;
        }
        room[len++] = byte;
    }
    *text_out = (str){room, len};
    return true;
}

bool http_query_decode(struct arena *arena, str text, bool plus_is_space, str *text_out)
{
    bool is_escaped = str_find_byte(text, '%') != SIZE_MAX ||
                      (plus_is_space && str_find_byte(text, '+') != SIZE_MAX);
    if (!is_escaped) *text_out = arena_copy(arena, text);
    else if (!unescape(arena, text, plus_is_space, text_out)) return false;
    return utf8_is_valid(*text_out);
}

bool http_query_next(struct arena *arena, struct cursor *query, str *name_out, str *value_out,
                     bool *is_broken_out)
{
    *name_out = S("");
    *value_out = S("");
    str pair = S("");
    while (pair.len == 0) {
        if (query->at == query->end) return false;
        str rest;
        (void)str_cut(str_between(query->at, query->end), '&', &pair, &rest);
        query->at = rest.at;
    }
    str name, value;
    (void)str_cut(pair, '=', &name, &value);
    if (http_query_decode(arena, name, true, name_out) &&
        http_query_decode(arena, value, true, value_out))
        return true;
    *name_out = S("");
    *value_out = S("");
    *is_broken_out = true;
    query->at = query->end;
    return true;
}

str http_cookie(str cookie_header, str name)
{
    str rest = cookie_header;
    while (rest.len > 0) {
        str pair, pair_name, value;
        (void)str_cut(rest, ';', &pair, &rest);
        if (!str_cut(pair, '=', &pair_name, &value)) continue;
        if (!str_eq(str_trim(pair_name), name)) continue;
        value = str_trim(value);
        bool is_quoted = value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"';
        return is_quoted ? (str){value.at + 1, value.len - 2} : value;
    }
    return S("");
}

static bool segments_are_plain(str path)
{
    str rest = str_from(path, 1);
    for (bool is_more = true; is_more;) {
        str segment;
        is_more = str_cut(rest, '/', &segment, &rest);
        /* Only the last segment may be empty: `/` and `/clients/`. */
        if (segment.len == 0 && is_more) return false;
        if (str_eq(segment, S(".")) || str_eq(segment, S(".."))) return false;
    }
    return true;
}

bool path_decode(struct arena *arena, str raw, str *path_out)
{
    if (raw.len == 0 || raw.at[0] != '/') return false;
    if (str_find_byte(raw, '%') == SIZE_MAX) *path_out = raw;
    else if (!unescape(arena, raw, false, path_out)) return false;
    if (str_has_control(*path_out) || str_find_byte(*path_out, '\\') != SIZE_MAX) return false;
    return utf8_is_valid(*path_out) && segments_are_plain(*path_out);
}

static bool is_host_byte(char byte, bool is_bracketed)
{
    if (byte >= 'a' && byte <= 'z') return true;
    if (byte >= '0' && byte <= '9') return true;
    if (byte == '.') return true;
    return is_bracketed ? byte == ':' : byte == '-' || byte == '_';
}

bool authority_read(struct arena *arena, str authority, str *host_and_port_out, str *host_out)
{
    constexpr size_t AUTHORITY_BYTES_MAX = 255 + 6;
    if (authority.len == 0 || authority.len > AUTHORITY_BYTES_MAX) return false;
    char *lower = arena_take_raw(arena, authority.len);
    for (size_t at = 0; at < authority.len; at++) {
        char byte = authority.at[at];
        lower[at] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    *host_and_port_out = (str){lower, authority.len};

    bool is_bracketed = lower[0] == '[';
    str host, port;
    if (is_bracketed) {
        if (!str_cut(str_from(*host_and_port_out, 1), ']', &host, &port)) return false;
        if (port.len > 0 && port.at[0] != ':') return false;
        *host_out = (str){lower, host.len + 2};
        port = str_from(port, 1);
    } else {
        (void)str_cut(*host_and_port_out, ':', &host, &port);
        *host_out = host;
    }
    if (host.len == 0) return false;
    for (size_t at = 0; at < host.len; at++)
        if (!is_host_byte(host.at[at], is_bracketed)) return false;
    if (port.len > 5) return false;
    for (size_t at = 0; at < port.len; at++)
        if (port.at[at] < '0' || port.at[at] > '9') return false;
    return true;
}
