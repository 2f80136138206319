#include "expression.h"

#include <lauxlib.h>

#include "base/require.h"

static bool is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_word_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           is_digit(byte);
}

/** The level of a long bracket `[==[` at the cursor, or -1. */
static int bracket_level(struct cursor at)
{
    int level = 0;
    if (at.at == at.end || *at.at++ != '[') return -1;
    for (; at.at < at.end && *at.at == '='; at.at++) level++;
    return at.at < at.end && *at.at == '[' ? level : -1;
}

static void skip_long(struct cursor *at, int level)
{
    at->at += level + 2;
    for (; at->at < at->end; at->at++) {
        if (*at->at != ']') continue;
        const char *end = at->at + 1;
        while (end < at->end && *end == '=' && end - at->at - 1 < level) end++;
        if (end < at->end && *end == ']' && end - at->at - 1 == level) {
            at->at = end + 1;
            return;
        }
    }
}

static void skip_line(struct cursor *at)
{
    while (at->at < at->end && *at->at != '\n' && *at->at != '\r') at->at++;
}

/** Past blanks and comments. */
static void skip_blanks(struct cursor *at)
{
    while (at->at < at->end) {
        bool is_comment = at->end - at->at >= 2 && at->at[0] == '-' && at->at[1] == '-';
        if (!is_comment && !is_blank(*at->at)) return;
        at->at++;
        if (!is_comment) continue;
        at->at++;
        int level = bracket_level(*at);
        if (level >= 0) skip_long(at, level);
        else skip_line(at);
    }
}

static str take_word(struct cursor *at)
{
    const char *from = at->at;
    while (at->at < at->end && is_word_byte(*at->at)) at->at++;
    return str_between(from, at->at);
}

/** Past a quoted text; what stands in it, empty when it has an escape or does not end. */
static str take_quoted(struct cursor *at)
{
    char quote = *at->at++;
    const char *from = at->at;
    bool is_plain = true;
    for (; at->at < at->end && *at->at != quote && *at->at != '\n'; at->at++) {
        if (*at->at != '\\') continue;
        is_plain = false;
        if (at->at + 1 < at->end) at->at++;
    }
    str text = str_between(from, at->at);
    bool is_ended = at->at < at->end && *at->at == quote;
    if (is_ended) at->at++;
    return is_plain && is_ended ? text : (str){};
}

/** The field behind the word `record`. */
static str take_field(struct cursor *at)
{
    skip_blanks(at);
    if (at->at == at->end) return (str){};
    if (*at->at == '.') {
        at->at++;
        skip_blanks(at);
        bool is_name = at->at < at->end && is_word_byte(*at->at) && !is_digit(*at->at);
        return is_name ? take_word(at) : (str){};
    }
    if (*at->at != '[' || bracket_level(*at) >= 0) return (str){};
    at->at++;
    skip_blanks(at);
    if (at->at == at->end || (*at->at != '"' && *at->at != '\'')) return (str){};
    str name = take_quoted(at);
    skip_blanks(at);
    if (at->at == at->end || *at->at != ']') return (str){};
    at->at++;
    return name;
}

static bool note_name(struct expression_names *names, str name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (str_eq(names->names[i], name)) return true;
    if (names->count == EXPRESSION_NAMES_MAX) return false;
    names->names[names->count++] = name;
    return true;
}

/** One token that is no word; whether a word behind it is a member's name. */
static bool skip_other(struct cursor *at)
{
    char byte = *at->at;
    int level = bracket_level(*at);
    if (byte == '"' || byte == '\'') {
        (void)take_quoted(at);
    } else if (level >= 0) {
        skip_long(at, level);
    } else if (is_digit(byte)) {
        while (at->at < at->end && (is_word_byte(*at->at) || *at->at == '.')) at->at++;
    } else if (byte == '.' || byte == ':') {
        const char *from = at->at;
        while (at->at < at->end && *at->at == byte) at->at++;
        return at->at - from == 1;
    } else {
        at->at++;
    }
    return false;
}

bool expression_names(str source, struct expression_names *names_out, const char **why_out)
{
    *names_out = (struct expression_names){};
    *why_out = "is longer than 4096 bytes";
    if (source.len > EXPRESSION_BYTES_MAX) return false;
    struct cursor at = cursor_of(source);
    bool is_member = false;
    for (skip_blanks(&at); at.at < at.end; skip_blanks(&at)) {
        if (!is_word_byte(*at.at) || is_digit(*at.at)) {
            is_member = skip_other(&at);
            continue;
        }
        bool is_record = str_eq(take_word(&at), S("record")) && !is_member;
        is_member = false;
        if (!is_record) continue;
        str name = take_field(&at);
        *why_out = "names a field otherwise than by record.name";
        if (name.len == 0) return false;
        *why_out = "names more than 64 fields";
        if (!note_name(names_out, name)) return false;
    }
    return true;
}

int expression_load(lua_State *state, struct arena *arena, str source)
{
    /* In parentheses it is one expression and one value; behind a line's end no comment hides the
     * last of them. */
    str chunk = arena_print(arena, "local record = ... return (%.*s\n)", FMT(source));
    return luaL_loadbufferx(state, chunk.at, chunk.len, "=formula", "t");
}
