#include "sandbox.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "value/text.h"

constexpr lua_Integer REPEATED_BYTES_MAX = 64 * KIB;
constexpr size_t FORMATTED_BYTES_MAX = 8 * KIB;
constexpr size_t SPEC_BYTES_MAX = 8;
constexpr size_t SHOWN_BYTES_MAX = 512; /** of one number by `format` */

static str text_of(lua_State *state, int at)
{
    size_t len;
    const char *text = luaL_checklstring(state, at, &len);
    return (str){text, len};
}

static int push_text(lua_State *state, str text)
{
    lua_pushlstring(state, text.at, text.len);
    return 1;
}

/** Bytes to make a text in, which go as garbage does. (luaL_Buffer would close its box by
 *  lua_toclose, which is at fault in 5.4.4.) */
static char *room_of(lua_State *state, size_t bytes)
{
    return lua_newuserdatauv(state, bytes + 1, 0);
}

/* Numbers. */

/** A whole number as such where it fits. */
static int push_whole(lua_State *state, double number)
{
    bool fits = number >= -9223372036854775808.0 && number < 9223372036854775808.0;
    if (fits) lua_pushinteger(state, (lua_Integer)number);
    else lua_pushnumber(state, number);
    return 1;
}

static int math_floor(lua_State *state)
{
    if (lua_isinteger(state, 1)) return lua_settop(state, 1), 1;
    return push_whole(state, floor(luaL_checknumber(state, 1)));
}

static int math_ceil(lua_State *state)
{
    if (lua_isinteger(state, 1)) return lua_settop(state, 1), 1;
    return push_whole(state, ceil(luaL_checknumber(state, 1)));
}

/** `round(x)` or to so many digits behind the point, halves away from zero. */
static int math_round(lua_State *state)
{
    lua_Integer digits = luaL_optinteger(state, 2, 0);
    luaL_argcheck(state, digits >= 0 && digits <= 9, 2, "is 0 to 9 digits");
    if (lua_isinteger(state, 1)) return lua_settop(state, 1), 1;
    double number = luaL_checknumber(state, 1), scale = pow(10, (double)digits);
    if (digits == 0) return push_whole(state, round(number));
    lua_pushnumber(state, round(number * scale) / scale);
    return 1;
}

static int math_abs(lua_State *state)
{
    if (lua_isinteger(state, 1)) {
        lua_Integer whole = lua_tointeger(state, 1);
        lua_pushinteger(state, whole < 0 ? (lua_Integer)(0 - (lua_Unsigned)whole) : whole);
    } else {
        lua_pushnumber(state, fabs(luaL_checknumber(state, 1)));
    }
    return 1;
}

static int math_sqrt(lua_State *state)
{
    lua_pushnumber(state, sqrt(luaL_checknumber(state, 1)));
    return 1;
}

static int math_fmod(lua_State *state)
{
    lua_pushnumber(state, fmod(luaL_checknumber(state, 1), luaL_checknumber(state, 2)));
    return 1;
}

static int best_of(lua_State *state, bool is_least)
{
    int best = 1, count = lua_gettop(state);
    (void)luaL_checknumber(state, 1);
    for (int at = 2; at <= count; at++) {
        (void)luaL_checknumber(state, at);
        bool is_less = lua_compare(state, at, best, LUA_OPLT) != 0;
        bool is_more = lua_compare(state, best, at, LUA_OPLT) != 0;
        if (is_least ? is_less : is_more) best = at;
    }
    lua_pushvalue(state, best);
    return 1;
}

static int math_min(lua_State *state)
{
    return best_of(state, true);
}

static int math_max(lua_State *state)
{
    return best_of(state, false);
}

/* Texts. */

static int string_len(lua_State *state)
{
    lua_pushinteger(state, (lua_Integer)text_of(state, 1).len);
    return 1;
}

/** A place counted from 1, or from the end by a negative number. */
static lua_Integer place(lua_Integer at, size_t len)
{
    if (at >= 0) return at;
    return at < -(lua_Integer)len ? 0 : (lua_Integer)len + at + 1;
}

static int string_sub(lua_State *state)
{
    str text = text_of(state, 1);
    lua_Integer from = place(luaL_optinteger(state, 2, 1), text.len);
    lua_Integer to = place(luaL_optinteger(state, 3, -1), text.len);
    if (from < 1) from = 1;
    if (to > (lua_Integer)text.len) to = (lua_Integer)text.len;
    if (from > to) return push_text(state, S(""));
    return push_text(state, str_first(str_from(text, (size_t)from - 1), (size_t)(to - from) + 1));
}

static int change_case(lua_State *state, char first, char last)
{
    str text = text_of(state, 1);
    char *out = room_of(state, text.len);
    for (size_t at = 0; at < text.len; at++) {
        char byte = text.at[at];
        out[at] = byte >= first && byte <= last ? (char)(byte ^ 0x20) : byte;
    }
    return push_text(state, (str){out, text.len});
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
    str text = text_of(state, 1);
    lua_Integer count = luaL_checkinteger(state, 2);
    if (count <= 0 || text.len == 0) return push_text(state, S(""));
    bool fits = text.len <= (size_t)REPEATED_BYTES_MAX &&
                count <= REPEATED_BYTES_MAX / (lua_Integer)text.len;
    luaL_argcheck(state, fits, 2, "makes a text of more than 64 KiB");
    size_t len = text.len * (size_t)count;
    char *out = room_of(state, len);
    for (size_t at = 0; at < len; at += text.len) memcpy(out + at, text.at, text.len);
    return push_text(state, (str){out, len});
}

/** A plain text, no pattern: its place or nil. */
static int string_find(lua_State *state)
{
    str text = text_of(state, 1), wanted = text_of(state, 2);
    lua_Integer from = place(luaL_optinteger(state, 3, 1), text.len);
    if (from < 1) from = 1;
    const char *at = nullptr;
    if (from <= (lua_Integer)text.len + 1) {
        str rest = str_from(text, (size_t)from - 1);
        at = wanted.len == 0 ? rest.at : memmem(rest.at, rest.len, wanted.at, wanted.len);
    }
    if (at == nullptr) return lua_pushnil(state), 1;
    lua_pushinteger(state, at - text.at + 1);
    return 1;
}

static int string_trim(lua_State *state)
{
    return push_text(state, str_trim(text_of(state, 1)));
}

/** Reads `5.2f` behind a `%` into a form for snprintf: at most two digits of width and two of
 *  precision. */
static char read_spec(lua_State *state, struct cursor *form, char spec[SPEC_BYTES_MAX + 4])
{
    size_t len = 0, digits = 0;
    spec[len++] = '%';
    if (form->at < form->end && (*form->at == '-' || *form->at == '0')) spec[len++] = *form->at++;
    while (form->at < form->end && len < SPEC_BYTES_MAX) {
        char byte = *form->at;
        bool is_digit = byte >= '0' && byte <= '9';
        if (!is_digit && byte != '.') break;
        digits = is_digit ? digits + 1 : 0;
        if (digits > 2) break;
        spec[len++] = byte;
        form->at++;
    }
    char kind = form->at < form->end ? *form->at++ : 0;
    if (kind == 'd') {
        spec[len++] = 'l';
        spec[len++] = 'l';
    }
    bool is_known = kind == 'd' || kind == 'f' || kind == 'g' || kind == 'e' || kind == 's';
    if (!is_known) luaL_error(state, "format knows %%d, %%f, %%g, %%e, %%s and %%%%");
    spec[len++] = kind;
    spec[len] = 0;
    return kind;
}

struct forming {
    lua_State *state;
    char *out;
    size_t len;
};

static void form_put(struct forming *forming, str text)
{
    if (text.len > FORMATTED_BYTES_MAX - forming->len)
        luaL_error(forming->state, "format makes a text of more than 8 KiB");
    if (text.len > 0) memcpy(forming->out + forming->len, text.at, text.len);
    forming->len += text.len;
}

static void form_one(struct forming *forming, struct cursor *form, int argument)
{
    lua_State *state = forming->state;
    char spec[SPEC_BYTES_MAX + 4], shown[SHOWN_BYTES_MAX];
    char kind = read_spec(state, form, spec);
    if (kind == 's') {
        form_put(forming, text_of(state, argument));
        return;
    }
    int len =
        kind == 'd'
            ? snprintf(shown, sizeof shown, spec, (long long)luaL_checkinteger(state, argument))
            : snprintf(shown, sizeof shown, spec, (double)luaL_checknumber(state, argument));
    if (len > 0 && len < (int)sizeof shown) form_put(forming, (str){shown, (size_t)len});
}

static int string_format(lua_State *state)
{
    struct cursor form = cursor_of(text_of(state, 1));
    struct forming forming = {.state = state, .out = room_of(state, FORMATTED_BYTES_MAX)};
    int argument = 1;
    while (form.at < form.end) {
        const char *from = form.at;
        while (form.at < form.end && *form.at != '%') form.at++;
        form_put(&forming, str_between(from, form.at));
        if (form.at == form.end) break;
        form.at++;
        bool is_sign = form.at < form.end && *form.at == '%';
        if (is_sign) form_put(&forming, str_between(form.at, form.at + 1));
        if (is_sign) form.at++;
        else form_one(&forming, &form, ++argument);
    }
    return push_text(state, (str){forming.out, forming.len});
}

/* Dates, as the API writes them. */

/** Days since 1970-01-01 of a date, or of a time's date. */
static int32_t days_at(lua_State *state, int at)
{
    int32_t days = 0;
    luaL_argcheck(state, date_parse(str_first(text_of(state, at), 10), &days), at,
                  "is no date such as 2026-01-31");
    return days;
}

static int push_date(lua_State *state, int64_t days)
{
    constexpr int32_t LEAST = -719'162, MOST = 2'932'896; /* the years 1 to 9999 */
    if (days < LEAST || days > MOST) return luaL_error(state, "the date is out of range");
    struct arena arena;
    char text[16];
    arena_init(&arena, 4 * KIB);
    struct buf out = buf_make(&arena, sizeof text);
    date_write(&out, (int32_t)days);
    size_t len = out.len < sizeof text ? out.len : 0;
    if (len > 0) memcpy(text, out.at, len);
    arena_drop(&arena);
    return push_text(state, (str){text, len});
}

static int of_days(lua_State *state)
{
    lua_pushinteger(state, days_at(state, 1));
    return 1;
}

static int of_date(lua_State *state)
{
    return push_date(state, (int64_t)floor(luaL_checknumber(state, 1)));
}

/** The number in a date's text. */
static int date_part(lua_State *state, size_t from, size_t len)
{
    int64_t number = 0;
    (void)days_at(state, 1);
    (void)str_to_int64(str_first(str_from(text_of(state, 1), from), len), &number);
    lua_pushinteger(state, number);
    return 1;
}

static int of_year(lua_State *state)
{
    return date_part(state, 0, 4);
}

static int of_month(lua_State *state)
{
    return date_part(state, 5, 2);
}

static int of_day(lua_State *state)
{
    return date_part(state, 8, 2);
}

/** A date so many months on: the same day, or the last of a shorter month. */
static int of_months(lua_State *state)
{
    int64_t year = 0, month = 0, day = 0;
    str text = text_of(state, 1);
    lua_Integer more = luaL_checkinteger(state, 2);
    (void)days_at(state, 1);
    luaL_argcheck(state, more >= -120'000 && more <= 120'000, 2, "is too many months");
    (void)str_to_int64(str_first(text, 4), &year);
    (void)str_to_int64(str_first(str_from(text, 5), 2), &month);
    (void)str_to_int64(str_first(str_from(text, 8), 2), &day);
    int64_t months = year * 12 + month - 1 + more;
    if (months < 12 || months >= 120'000) return luaL_error(state, "the date is out of range");
    int32_t days;
    for (; day > 0; day--) {
        char shown[32];
        int len = snprintf(shown, sizeof shown, "%04lld-%02lld-%02lld", (long long)(months / 12),
                           (long long)(months % 12) + 1, (long long)day);
        if (date_parse((str){shown, (size_t)len}, &days)) return push_date(state, days);
    }
    return luaL_error(state, "the date is out of range");
}

/* Others. */

static int of_money(lua_State *state)
{
    (void)luaL_checknumber(state, 1);
    (void)text_of(state, 2);
    lua_createtable(state, 0, 2);
    lua_pushvalue(state, 1);
    lua_setfield(state, -2, "amount");
    lua_pushvalue(state, 2);
    lua_setfield(state, -2, "currency");
    return 1;
}

static int of_type(lua_State *state)
{
    luaL_checkany(state, 1);
    lua_pushstring(state, luaL_typename(state, 1));
    return 1;
}

static int of_tostring(lua_State *state)
{
    luaL_checkany(state, 1);
    if (lua_type(state, 1) == LUA_TBOOLEAN)
        return push_text(state, lua_toboolean(state, 1) != 0 ? S("true") : S("false"));
    if (lua_isnil(state, 1)) return push_text(state, S("nil"));
    return push_text(state, text_of(state, 1));
}

static int of_tonumber(lua_State *state)
{
    if (lua_type(state, 1) == LUA_TNUMBER) return lua_settop(state, 1), 1;
    double number;
    int64_t whole;
    if (lua_type(state, 1) != LUA_TSTRING) return lua_pushnil(state), 1;
    str text = str_trim(text_of(state, 1));
    if (text.len <= 100 && str_to_int64(text, &whole)) lua_pushinteger(state, whole);
    else if (text.len <= 100 && str_to_double(text, &number)) lua_pushnumber(state, number);
    else lua_pushnil(state);
    return 1;
}

/** Whether a list has this value. */
static int of_has(lua_State *state)
{
    if (lua_isnoneornil(state, 1)) return lua_pushboolean(state, 0), 1;
    luaL_checktype(state, 1, LUA_TTABLE);
    luaL_checkany(state, 2);
    lua_Unsigned count = lua_rawlen(state, 1);
    bool has = false;
    for (lua_Unsigned at = 1; at <= count && !has; at++) {
        lua_rawgeti(state, 1, (lua_Integer)at);
        has = lua_rawequal(state, -1, 2) != 0;
        lua_pop(state, 1);
    }
    lua_pushboolean(state, has);
    return 1;
}

static int next_place(lua_State *state)
{
    lua_Integer at = lua_tointeger(state, 2) + 1;
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_pushinteger(state, at);
    return lua_rawgeti(state, 1, at) == LUA_TNIL ? 1 : 2;
}

static int of_ipairs(lua_State *state)
{
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_pushcfunction(state, next_place);
    lua_pushvalue(state, 1);
    lua_pushinteger(state, 0);
    return 3;
}

static const luaL_Reg numbers[] = {
    {"abs", math_abs},     {"ceil", math_ceil}, {"floor", math_floor},
    {"fmod", math_fmod},   {"max", math_max},   {"min", math_min},
    {"round", math_round}, {"sqrt", math_sqrt}, {nullptr, nullptr},
};
static const luaL_Reg texts[] = {
    {"find", string_find},   {"format", string_format}, {"len", string_len},
    {"lower", string_lower}, {"rep", string_rep},       {"sub", string_sub},
    {"trim", string_trim},   {"upper", string_upper},   {nullptr, nullptr},
};
static const luaL_Reg globals[] = {
    {"date", of_date},   {"day", of_day},           {"days", of_days},
    {"has", of_has},     {"ipairs", of_ipairs},     {"money", of_money},
    {"month", of_month}, {"months", of_months},     {"round", math_round},
    {"type", of_type},   {"tonumber", of_tonumber}, {"tostring", of_tostring},
    {"year", of_year},   {nullptr, nullptr},
};

static int refuse_write(lua_State *state)
{
    return luaL_error(state, "a formula cannot set `%s`: it only gives a value",
                      lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "it");
}

static void push_functions(lua_State *state, const luaL_Reg *functions)
{
    lua_createtable(state, 0, 16);
    luaL_setfuncs(state, functions, 0);
}

/** Turns the table on top into one that only shows it. */
static void push_shown(lua_State *state)
{
    lua_createtable(state, 0, 3);
    lua_rotate(state, -2, 1);
    lua_setfield(state, -2, "__index");
    lua_pushcfunction(state, refuse_write);
    lua_setfield(state, -2, "__newindex");
    lua_createtable(state, 0, 0);
    lua_rotate(state, -2, 1);
    lua_setmetatable(state, -2);
}

void sandbox_fill(lua_State *state)
{
    /* What `text:upper()` finds; nothing can be set in it, for a text has no __newindex. */
    lua_pushliteral(state, "");
    lua_createtable(state, 0, 1);
    push_functions(state, texts);
    lua_setfield(state, -2, "__index");
    lua_setmetatable(state, -2);
    lua_pop(state, 1);

    push_functions(state, globals);
    push_functions(state, numbers);
    push_shown(state);
    lua_setfield(state, -2, "math");
    push_functions(state, texts);
    push_shown(state);
    lua_setfield(state, -2, "string");
    push_shown(state);
    lua_rawseti(state, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}
