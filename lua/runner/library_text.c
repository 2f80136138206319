/* Texts as people read them: letters of any language, no patterns. */
#include "base/fold.h"
#include "library.h"
#include "value/email.h"

constexpr lua_Integer PAD_MAX = 1000;
constexpr size_t WORDS_BYTES_A_UNIT = 2; /** letters beyond ASCII are looked up one by one */

/** A text argument that is valid UTF-8. */
static str letters_of(lua_State *state, int at)
{
    str text = text_of(state, at);
    luaL_argcheck(state, text.len <= MADE_BYTES_MAX, at, "is a text of more than 256 KiB");
    luaL_argcheck(state, utf8_is_valid(text), at, "is no valid UTF-8 text");
    budget_charge(state, text.len / WORDS_BYTES_A_UNIT);
    return text;
}

static int text_contains(lua_State *state)
{
    str text = text_of(state, 1), part = text_of(state, 2);
    budget_charge(state, text.len / 16);
    return push_boolean(state,
                        part.len == 0 || memmem(text.at, text.len, part.at, part.len) != nullptr);
}

static int text_starts(lua_State *state)
{
    str text = text_of(state, 1);
    return push_boolean(state, str_starts(text, text_of(state, 2)));
}

static int text_ends(lua_State *state)
{
    str text = text_of(state, 1);
    return push_boolean(state, str_ends(text, text_of(state, 2)));
}

static int text_upper(lua_State *state)
{
    str text = letters_of(state, 1);
    return push_text(state, utf8_upper(scratch_arena(), text));
}

static int text_lower(lua_State *state)
{
    str text = letters_of(state, 1);
    return push_text(state, utf8_lower(scratch_arena(), text));
}

static int text_title(lua_State *state)
{
    str text = letters_of(state, 1);
    return push_text(state, utf8_title(scratch_arena(), text));
}

static int text_fold(lua_State *state)
{
    str text = letters_of(state, 1);
    budget_charge(state, text.len);
    return push_text(state, fold(scratch_arena(), text));
}

/** White space of any script goes, and what is between words becomes one space. */
static int text_trim(lua_State *state)
{
    struct making making;
    str text = letters_of(state, 1);
    struct cursor rest = cursor_of(text);
    bool is_first = true, waits = false;
    making_begin(&making, state);
    while (rest.at < rest.end) {
        str left = str_between(rest.at, rest.end), one = utf8_first_codes(left, 1);
        bool is_space = one.len == 1 ? (*one.at == ' ' || (*one.at >= '\t' && *one.at <= '\r'))
                                     : str_eq(one, S("\u00A0")) || str_eq(one, S("\u3000")) ||
                                           str_eq(one, S("\u2003")) || str_eq(one, S("\u2009"));
        rest.at += one.len;
        if (is_space) {
            waits = !is_first;
            continue;
        }
        if (waits) making_put_byte(&making, ' ');
        for (size_t at = 0; at < one.len; at++) making_put_byte(&making, one.at[at]);
        waits = is_first = false;
    }
    return making_push(&making);
}

static int text_length(lua_State *state)
{
    lua_pushinteger(state, (lua_Integer)utf8_length(letters_of(state, 1)));
    return 1;
}

static int text_first(lua_State *state)
{
    str text = letters_of(state, 1);
    lua_Integer count = luaL_checkinteger(state, 2);
    return push_text(state, utf8_first_codes(text, count < 0 ? 0 : (size_t)count));
}

static int text_digits(lua_State *state)
{
    struct making making;
    str text = text_of(state, 1);
    making_begin(&making, state);
    budget_charge(state, text.len / WORDS_BYTES_A_UNIT);
    for (size_t at = 0; at < text.len; at++)
        if (text.at[at] >= '0' && text.at[at] <= '9') making_put_byte(&making, text.at[at]);
    return making_push(&making);
}

static int text_words(lua_State *state)
{
    str word;
    lua_Integer count = 0;
    struct cursor rest = cursor_of(letters_of(state, 1));
    lua_createtable(state, 0, 0);
    while (fold_word_next(&rest, &word)) {
        budget_charge_bytes(state, word.len);
        push_text(state, word);
        lua_rawseti(state, -2, ++count);
    }
    return 1;
}

static int text_split(lua_State *state)
{
    str text = text_of(state, 1), between = text_of(state, 2);
    lua_Integer most = luaL_optinteger(state, 3, LUA_MAXINTEGER), count = 0;
    luaL_argcheck(state, between.len > 0, 2, "is empty");
    luaL_argcheck(state, most >= 1, 3, "is not at least 1");
    lua_createtable(state, 0, 0);
    for (;;) {
        budget_charge(state, 2);
        const char *at = count + 1 < most && text.len > 0
                             ? memmem(text.at, text.len, between.at, between.len)
                             : nullptr;
        push_text(state, at == nullptr ? text : str_between(text.at, at));
        lua_rawseti(state, -2, ++count);
        if (at == nullptr) return 1;
        text = str_between(at + between.len, text.at + text.len);
    }
}

static int text_join(lua_State *state)
{
    struct making making;
    lua_Integer count = list_of(state, 1);
    str between = text_or(state, 2, S(" "));
    bool is_first = true;
    making_begin(&making, state);
    for (lua_Integer at = 1; at <= count; at++) {
        budget_charge(state, 1);
        int kind = lua_rawgeti(state, 1, at);
        if (kind != LUA_TNIL && kind != LUA_TSTRING && kind != LUA_TNUMBER)
            return luaL_error(state, "text.join takes a list of texts, not of a %s",
                              lua_typename(state, kind));
        str item = kind == LUA_TNIL ? S("") : text_of(state, -1);
        if (item.len > 0 && !is_first) making_put(&making, between);
        is_first = is_first && item.len == 0;
        making_put(&making, item);
        lua_pop(state, 1);
    }
    return making_push(&making);
}

static int text_replace(lua_State *state)
{
    struct making making;
    str text = text_of(state, 1), old = text_of(state, 2), by = text_of(state, 3);
    luaL_argcheck(state, old.len > 0, 2, "is empty");
    budget_charge(state, text.len / 16);
    making_begin(&making, state);
    while (text.len > 0) {
        budget_charge(state, 2);
        const char *at = memmem(text.at, text.len, old.at, old.len);
        making_put(&making, at == nullptr ? text : str_between(text.at, at));
        if (at == nullptr) break;
        making_put(&making, by);
        text = str_between(at + old.len, text.at + text.len);
    }
    return making_push(&making);
}

static int pad(lua_State *state, bool is_left)
{
    struct making making;
    str text = letters_of(state, 1), fill = text_or(state, 3, S(" "));
    lua_Integer length = luaL_checkinteger(state, 2);
    luaL_argcheck(state, length <= PAD_MAX, 2, "is a length of more than 1000");
    bool is_one = utf8_is_valid(fill) && utf8_length(fill) == 1;
    luaL_argcheck(state, is_one, 3, "is not one letter");
    making_begin(&making, state);
    if (!is_left) making_put(&making, text);
    for (lua_Integer at = (lua_Integer)utf8_length(text); at < length; at++)
        making_put(&making, fill);
    if (is_left) making_put(&making, text);
    return making_push(&making);
}

static int text_left_pad(lua_State *state)
{
    return pad(state, true);
}

static int text_right_pad(lua_State *state)
{
    return pad(state, false);
}

static int text_is_email(lua_State *state)
{
    if (lua_isnoneornil(state, 1)) return push_boolean(state, false);
    return push_boolean(state, email_is_address(text_of(state, 1)));
}

static const struct view_name names[] = {
    {"text", "contains", "text.contains(s, part)",
     "Whether the part stands in it, letter for letter. Compare text.fold of both to leave case "
     "and accents aside.",
     "text.contains(\"Acme GmbH\", \"GmbH\")", text_contains},
    {"text", "digits", "text.digits(s)", "Only its digits.",
     "text.digits(\"+49 (30) 12-34\") == \"49301234\"", text_digits},
    {"text", "ends", "text.ends(s, end)", "Whether it ends so.",
     "text.ends(\"Acme GmbH\", \"GmbH\")", text_ends},
    {"text", "first", "text.first(s, count)", "Its first letters, so many of them.",
     "text.first(\"Müller\", 2) == \"Mü\"", text_first},
    {"text", "fold", "text.fold(s)",
     "The text as search compares it: small letters, no accents, single spaces.",
     "text.fold(\" Taquería  SOL\") == \"taqueria sol\"", text_fold},
    {"text", "is_email", "text.is_email(s)", "Whether it is an address for mail.",
     "text.is_email(\"ann@acme.example\")", text_is_email},
    {"text", "join", "text.join(list[, between])",
     "The texts of a list as one, with a space or what is given between them; empty ones are "
     "left out.",
     "text.join({\"Ann\", \"\", \"Lee\"}) == \"Ann Lee\"", text_join},
    {"text", "left_pad", "text.left_pad(s, length[, fill])",
     "At least so many letters long, filled up on the left by spaces or one letter.",
     "text.left_pad(\"42\", 5, \"0\") == \"00042\"", text_left_pad},
    {"text", "length", "text.length(s)", "How many letters it has; #s counts bytes.",
     "text.length(\"Müller\") == 6", text_length},
    {"text", "lower", "text.lower(s)", "With small letters, of any language.",
     "text.lower(\"ÄRZTE\") == \"ärzte\"", text_lower},
    {"text", "replace", "text.replace(s, old, new)",
     "With each `old` replaced by `new`, both as they stand.",
     "text.replace(\"1.234.567\", \".\", \"\") == \"1234567\"", text_replace},
    {"text", "right_pad", "text.right_pad(s, length[, fill])",
     "At least so many letters long, filled up on the right.",
     "text.right_pad(\"ab\", 4, \".\") == \"ab..\"", text_right_pad},
    {"text", "split", "text.split(s, between[, most])",
     "The list of its parts between these separators; the last of `most` parts has the rest.",
     "text.split(\"a, b, c\", \", \")[2] == \"b\"", text_split},
    {"text", "starts", "text.starts(s, begin)", "Whether it begins so.",
     "text.starts(\"INV-42\", \"INV-\")", text_starts},
    {"text", "title", "text.title(s)",
     "With the first letter of each word large; the others stay as they are.",
     "text.title(\"jean-luc o'neil\") == \"Jean-Luc O'neil\"", text_title},
    {"text", "trim", "text.trim(s)",
     "Without white space at both ends, and single spaces between words.",
     "text.trim(\"  Acme   GmbH \") == \"Acme GmbH\"", text_trim},
    {"text", "upper", "text.upper(s)", "With large letters, of any language.",
     "text.upper(\"ärzte\") == \"ÄRZTE\"", text_upper},
    {"text", "words", "text.words(s)", "The list of its words: runs of letters and digits.",
     "#text.words(\"Acme & Sons, 3rd floor\") == 4", text_words},
};
const struct view_part library_text = {.names = names, .count = sizeof names / sizeof *names};
