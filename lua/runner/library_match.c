/* What `string` does with patterns. The matcher itself knows no Lua: pattern.h. */
#include "library_string.h"
#include "pattern.h"

static void charge(void *owner, uint64_t units)
{
    budget_charge(owner, units);
}

static void fail(void *owner, const char *why)
{
    luaL_error(owner, "%s", why);
}

/** A text argument that is only looked at in part, and paid for as it is. */
static str view_of(lua_State *state, int at)
{
    size_t len;
    const char *text = luaL_checklstring(state, at, &len);
    return (str){text, len};
}

/** Pushes one capture: a text or a place. */
static void push_capture(lua_State *state, const struct pattern_match *match, uint32_t at)
{
    const struct pattern_capture *capture = &match->captures[at];
    switch (capture->state) {
    case PATTERN_CAPTURE_OPEN:
        luaL_error(state, "unfinished capture");
        return;
    case PATTERN_CAPTURE_PLACE:
        lua_pushinteger(state, capture->text.at - match->text.at + 1);
        return;
    case PATTERN_CAPTURE_TEXT:
        budget_charge_bytes(state, capture->text.len);
        push_text(state, capture->text);
    }
}

/** All captures, or the whole match when there is none and `whole` is given. */
static int push_captures(lua_State *state, const struct pattern_match *match, const str *whole)
{
    luaL_checkstack(state, (int)PATTERN_CAPTURES_MAX + 1, "too many captures");
    if (match->capture_count == 0 && whole != nullptr) {
        budget_charge_bytes(state, whole->len);
        return push_text(state, *whole);
    }
    for (uint32_t at = 0; at < match->capture_count; at++) push_capture(state, match, at);
    return (int)match->capture_count;
}

static int push_plain(lua_State *state, str text, str wanted, size_t from)
{
    str rest = str_from(text, from);
    budget_charge(state, 1 + (rest.len + wanted.len) / 8);
    const char *at = wanted.len == 0 ? rest.at : memmem(rest.at, rest.len, wanted.at, wanted.len);
    if (at == nullptr) return push_nil(state);
    lua_pushinteger(state, at - text.at + 1);
    lua_pushinteger(state, at - text.at + (ptrdiff_t)wanted.len);
    return 2;
}

/** The first match from `from` on: where it begins and ends. */
static bool find_match(struct pattern_match *match, str pattern, size_t from, str *found_out)
{
    bool is_anchored = pattern.len > 0 && pattern.at[0] == '^';
    if (is_anchored) pattern = str_from(pattern, 1);
    const char *last = match->text.at + match->text.len;
    for (const char *at = match->text.at + from; at <= last; at++) {
        const char *end = pattern_at(match, at, pattern);
        if (end != nullptr) *found_out = str_between(at, end);
        if (end != nullptr || is_anchored) return pattern_pay(match), end != nullptr;
    }
    pattern_pay(match);
    return false;
}

static int find_or_match(lua_State *state, bool is_find)
{
    struct pattern_match match;
    struct pattern_owner owner = {charge, fail, state};
    str text = view_of(state, 1), pattern = view_of(state, 2), found;
    size_t from = place_of(luaL_optinteger(state, 3, 1), text.len) - 1;
    budget_charge(state, 2);
    if (from > text.len) return push_nil(state);
    if (is_find && (lua_toboolean(state, 4) != 0 || pattern_is_plain(pattern)))
        return push_plain(state, text, pattern, from);
    pattern_begin(&match, &owner, text);
    if (!find_match(&match, pattern, from, &found)) return push_nil(state);
    if (!is_find) return push_captures(state, &match, &found);
    lua_pushinteger(state, found.at - text.at + 1);
    lua_pushinteger(state, found.at - text.at + (ptrdiff_t)found.len);
    return push_captures(state, &match, nullptr) + 2;
}

int string_find(lua_State *state)
{
    return find_or_match(state, true);
}

int string_match(lua_State *state)
{
    return find_or_match(state, false);
}

/** The next match: upvalues text, pattern, where to look next, where the last one ended. */
static int give_match(lua_State *state)
{
    struct pattern_match match;
    struct pattern_owner owner = {charge, fail, state};
    str text = view_of(state, lua_upvalueindex(1)), pattern = view_of(state, lua_upvalueindex(2));
    size_t next = (size_t)lua_tointeger(state, lua_upvalueindex(3));
    lua_Integer last_end = lua_tointeger(state, lua_upvalueindex(4));
    budget_charge(state, 2);
    pattern_begin(&match, &owner, text);
    for (; next <= text.len; next++) {
        const char *at = text.at + next, *end = pattern_at(&match, at, pattern);
        /* An empty match where the last one ended would be given for ever. */
        if (end == nullptr || end - text.at == last_end) continue;
        pattern_pay(&match);
        lua_pushinteger(state, end - text.at);
        lua_pushvalue(state, -1);
        lua_replace(state, lua_upvalueindex(3));
        lua_replace(state, lua_upvalueindex(4));
        str found = str_between(at, end);
        return push_captures(state, &match, &found);
    }
    lua_pushinteger(state, (lua_Integer)text.len + 1);
    lua_replace(state, lua_upvalueindex(3));
    pattern_pay(&match);
    return push_nil(state);
}

int string_gmatch(lua_State *state)
{
    str text = view_of(state, 1);
    (void)view_of(state, 2);
    size_t from = place_of(luaL_optinteger(state, 3, 1), text.len) - 1;
    budget_charge(state, 4);
    lua_settop(state, 2);
    lua_pushinteger(state, (lua_Integer)(from > text.len ? text.len + 1 : from));
    lua_pushinteger(state, -1);
    lua_pushcclosure(state, give_match, 4);
    return 1;
}

/* gsub */

constexpr int REPLACEMENT_AT = 3;

struct replacing {
    struct pattern_match match;
    struct making making;
    str found; /** the present match */
};

/** The replacement is a text, in which %0 to %9 stand for captures. */
static void put_form(lua_State *state, struct replacing *replacing)
{
    struct cursor form = cursor_of(view_of(state, REPLACEMENT_AT));
    while (form.at < form.end) {
        str rest = str_between(form.at, form.end);
        size_t plain = str_find_byte(rest, '%');
        making_put(&replacing->making, str_first(rest, plain));
        if (plain == SIZE_MAX) return;
        form.at += plain + 1;
        char sign = form.at < form.end ? *form.at++ : 0;
        uint32_t count = replacing->match.capture_count;
        uint32_t number = (uint32_t)(sign - '1');
        if (sign == '%') {
            making_put_byte(&replacing->making, '%');
        } else if (sign == '0' || (sign == '1' && count == 0)) {
            making_put(&replacing->making, replacing->found);
        } else if (sign < '1' || sign > '9') {
            luaL_error(state, "invalid use of '%%' in replacement string");
        } else {
            if (number >= count)
                luaL_error(state, "invalid capture index %%%d in replacement string",
                           (int)number + 1);
            push_capture(state, &replacing->match, number);
            making_put(&replacing->making, text_of(state, -1));
            lua_pop(state, 1);
        }
    }
}

/** The value that the table or function gives, on top. */
static void push_given(lua_State *state, struct replacing *replacing)
{
    if (lua_type(state, REPLACEMENT_AT) == LUA_TFUNCTION) {
        lua_pushvalue(state, REPLACEMENT_AT);
        int count = push_captures(state, &replacing->match, &replacing->found);
        lua_call(state, count, 1);
        return;
    }
    if (replacing->match.capture_count > 0) push_capture(state, &replacing->match, 0);
    else push_text(state, replacing->found);
    lua_gettable(state, REPLACEMENT_AT);
}

static void put_replacement(lua_State *state, struct replacing *replacing)
{
    if (lua_isstring(state, REPLACEMENT_AT) != 0) {
        put_form(state, replacing);
        return;
    }
    push_given(state, replacing);
    if (lua_toboolean(state, -1) == 0) making_put(&replacing->making, replacing->found);
    else if (lua_isstring(state, -1) != 0) making_put(&replacing->making, text_of(state, -1));
    else luaL_error(state, "invalid replacement value (a %s)", luaL_typename(state, -1));
    lua_pop(state, 1);
}

static lua_Integer replace_all(lua_State *state, struct replacing *replacing, str pattern,
                               lua_Integer most)
{
    struct pattern_match *match = &replacing->match;
    bool is_anchored = pattern.len > 0 && pattern.at[0] == '^';
    if (is_anchored) pattern = str_from(pattern, 1);
    const char *at = match->text.at, *last = at + match->text.len, *last_end = nullptr;
    lua_Integer count = 0;
    while (count < most) {
        const char *end = pattern_at(match, at, pattern);
        if (end != nullptr && end != last_end) {
            count++;
            replacing->found = str_between(at, end);
            pattern_pay(match);
            put_replacement(state, replacing);
            at = last_end = end;
        } else if (at < last) {
            making_put_byte(&replacing->making, *at++);
        } else {
            break;
        }
        if (is_anchored) break;
    }
    pattern_pay(match);
    making_put(&replacing->making, str_between(at, last));
    return count;
}

int string_gsub(lua_State *state)
{
    struct replacing replacing;
    struct pattern_owner owner = {charge, fail, state};
    str text = view_of(state, 1), pattern = view_of(state, 2);
    lua_Integer most = luaL_optinteger(state, 4, (lua_Integer)text.len + 1);
    int kind = lua_type(state, REPLACEMENT_AT);
    bool is_known =
        kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TTABLE || kind == LUA_TFUNCTION;
    if (!is_known) return luaL_typeerror(state, REPLACEMENT_AT, "string/function/table");
    budget_charge(state, 4);
    making_begin(&replacing.making, state);
    pattern_begin(&replacing.match, &owner, text);
    lua_Integer count = replace_all(state, &replacing, pattern, most);
    (void)making_push(&replacing.making);
    lua_pushinteger(state, count);
    return 2;
}
