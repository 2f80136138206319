/* Texts as bytes: what Lua's own `string` does, but for what shows addresses or reads binary. The
 * functions that match patterns are in library_match.c, `format` in library_format.c. */
#include "library_string.h"

#include "base/require.h"

size_t place_of(lua_Integer at, size_t len)
{
    if (at > 0) return (size_t)at;
    if (at == 0) return 1;
    return at < -(lua_Integer)len ? 1 : len - (size_t)(-at) + 1;
}

/** A last place, at most the length. */
static size_t last_of(lua_Integer at, size_t len)
{
    if (at > (lua_Integer)len) return len;
    if (at >= 0) return (size_t)at;
    return at < -(lua_Integer)len ? 0 : len - (size_t)(-at) + 1;
}

static int string_byte(lua_State *state)
{
    str text = text_of(state, 1);
    lua_Integer first = luaL_optinteger(state, 2, 1);
    size_t from = place_of(first, text.len);
    size_t to = last_of(luaL_optinteger(state, 3, first), text.len);
    if (from > to) return 0;
    size_t count = to - from + 1;
    if (count > (size_t)MADE_VALUES_MAX) return luaL_error(state, "string slice too long");
    luaL_checkstack(state, (int)count, "string slice too long");
    budget_charge(state, count / 4);
    for (size_t at = 0; at < count; at++) lua_pushinteger(state, (uint8_t)text.at[from - 1 + at]);
    return (int)count;
}

static int string_char(lua_State *state)
{
    struct making making;
    int count = lua_gettop(state);
    budget_charge(state, 1 + (uint64_t)count / 4);
    making_begin(&making, state);
    for (int at = 1; at <= count; at++) {
        lua_Integer byte = luaL_checkinteger(state, at);
        luaL_argcheck(state, byte >= 0 && byte <= UINT8_MAX, at, "value out of range");
        making_put_byte(&making, (char)byte);
    }
    return making_push(&making);
}

static int string_len(lua_State *state)
{
    size_t len;
    budget_charge(state, 1);
    (void)luaL_checklstring(state, 1, &len);
    lua_pushinteger(state, (lua_Integer)len);
    return 1;
}

static int change_case(lua_State *state, char first, char last)
{
    str text = text_of(state, 1);
    struct making making;
    making_begin(&making, state);
    char *out = making_room(&making, text.len);
    budget_charge(state, text.len / 16);
    for (size_t at = 0; at < text.len; at++) {
        char byte = text.at[at];
        out[at] = byte >= first && byte <= last ? (char)(byte ^ 0x20) : byte;
    }
    return making_push(&making);
}

static int string_lower(lua_State *state)
{
    return change_case(state, 'A', 'Z');
}

static int string_upper(lua_State *state)
{
    return change_case(state, 'a', 'z');
}

static int string_rep(lua_State *state)
{
    str text = text_of(state, 1), between = text_or(state, 3, S(""));
    lua_Integer count = luaL_checkinteger(state, 2);
    struct making making;
    if (count <= 0 || text.len + between.len == 0) return push_text(state, S(""));
    making_begin(&making, state);
    /* Asked for at once, so that what is too long fails before any of it is made. */
    size_t each = text.len + between.len;
    bool fits = count <= (lua_Integer)(MADE_BYTES_MAX / each);
    char *out = making_room(&making, fits ? each * (size_t)count - between.len : SIZE_MAX);
    budget_charge(state, making.len / BUDGET_BYTES_A_UNIT + (uint64_t)count / 4);
    for (lua_Integer at = 0; at < count; at++) {
        if (text.len > 0) memcpy(out, text.at, text.len);
        out += text.len;
        if (at + 1 == count) break;
        if (between.len > 0) memcpy(out, between.at, between.len);
        out += between.len;
    }
    return making_push(&making);
}

static int string_reverse(lua_State *state)
{
    str text = text_of(state, 1);
    struct making making;
    making_begin(&making, state);
    char *out = making_room(&making, text.len);
    budget_charge(state, text.len / 16);
    for (size_t at = 0; at < text.len; at++) out[at] = text.at[text.len - 1 - at];
    return making_push(&making);
}

static int string_sub(lua_State *state)
{
    size_t len;
    const char *text = luaL_checklstring(state, 1, &len);
    size_t from = place_of(luaL_optinteger(state, 2, 1), len);
    size_t to = last_of(luaL_optinteger(state, 3, -1), len);
    if (from > to) budget_charge(state, 1);
    else budget_charge_bytes(state, to - from);
    return push_text(state, from > to ? S("") : (str){text + from - 1, to - from + 1});
}

static int string_trim(lua_State *state)
{
    return push_text(state, str_trim(text_of(state, 1)));
}

static const struct view_name names[] = {
    {"string", "byte", "s:byte([first[, last]])",
     "The numbers of its bytes, of the first without "
     "places.",
     "(\"A\"):byte() == 65", string_byte},
    {"string", "char", "string.char(…)", "The text of bytes with these numbers.",
     "string.char(72, 105) == \"Hi\"", string_char},
    {"string", "find", "s:find(pattern[, from[, plain]])",
     "Where the pattern is first found: its first and last place and its captures; nil when it is "
     "not. With `plain` it is looked for as it stands.",
     "(\"hello\"):find(\"l+\") == 3", string_find},
    {"string", "format", "string.format(form, …)",
     "Shows values by a form: %d whole numbers, %f %.2f %e %g decimals, %x %o whole numbers in "
     "base 16 and 8, %s any value, %q a text in quotes, %c a byte, %% itself.",
     "string.format(\"%05.1f|%d|%s\", 3.14159, 42, \"x\") == \"003.1|42|x\"", string_format},
    {"string", "gmatch", "s:gmatch(pattern[, from])",
     "For `for word in s:gmatch(\"%a+\") do`: each match, or its captures.",
     "(\"one two\"):gmatch(\"%a+\")() == \"one\"", string_gmatch},
    {"string", "gsub", "s:gsub(pattern, by[, most])",
     "The text with each match replaced, and how many there were. `by` is a text (%1 stands for "
     "the first capture), a table asked by the first capture, or a function of the captures; "
     "false or nil of these two keeps the match.",
     "(\"a-b\"):gsub(\"%-\", \"+\") == \"a+b\"", string_gsub},
    {"string", "len", "s:len()", "How many bytes it has; `#s` is the same.", "(\"abc\"):len() == 3",
     string_len},
    {"string", "lower", "s:lower()",
     "With the letters A to Z small; text.lower knows all others too.",
     "(\"Ab\"):lower() == \"ab\"", string_lower},
    {"string", "match", "s:match(pattern[, from])",
     "The first match, or its captures; nil when there is none. %a is a letter, %d a digit, %s "
     "white space, %w a letter or digit, . any byte; [abc] one of these, [^abc] none of them; + "
     "one or more, * any number, - the fewest, ? at most one; ^ the beginning, $ the end.",
     "(\"INV-0042\"):match(\"%d+\") == \"0042\"", string_match},
    {"string", "rep", "s:rep(count[, between])", "The text so many times.",
     "(\"ab\"):rep(3, \",\") == \"ab,ab,ab\"", string_rep},
    {"string", "reverse", "s:reverse()", "Its bytes from last to first.",
     "(\"abc\"):reverse() == \"cba\"", string_reverse},
    {"string", "sub", "s:sub(first[, last])",
     "The bytes from one place to another; negative places count from the end.",
     "(\"hello\"):sub(2, -2) == \"ell\"", string_sub},
    {"string", "trim", "s:trim()", "Without white space at both ends.",
     "(\"  x \"):trim() == \"x\"", string_trim},
    {"string", "upper", "s:upper()",
     "With the letters a to z large; text.upper knows all others too.",
     "(\"Ab\"):upper() == \"AB\"", string_upper},
};

/** What `s:upper()` finds: the table `string`. Nothing reaches the metatable itself. */
static void fill_metatable(lua_State *state)
{
    lua_pushliteral(state, "");
    lua_createtable(state, 0, 2);
    lua_getfield(state, -3, "string");
    lua_setfield(state, -2, "__index");
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    lua_setmetatable(state, -2);
    lua_pop(state, 1);
}

const struct view_part library_string = {
    .names = names, .count = sizeof names / sizeof *names, .fill = fill_metatable};
