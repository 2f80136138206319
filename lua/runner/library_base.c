/* Lua's own basic functions, as far as they are harmless: each written anew over the raw parts of
 * Lua, so that none shows an address, the order of a hash, or work that is not paid for. */
#include "key_order.h"
#include "library.h"

constexpr size_t NUMBER_BYTES_MAX = 100;
constexpr lua_Integer LEVELS_MAX = 200;
constexpr uint64_t FUEL_A_FAILURE = 50; /** its message is made of what stands where */
constexpr uint64_t FUEL_A_CALL = 10;    /** of C's own stack */

static void push_place(lua_State *state, lua_Integer level)
{
    if (level >= 1 && level <= LEVELS_MAX) luaL_where(state, (int)level);
    else lua_pushliteral(state, "");
}

static int base_error(lua_State *state)
{
    budget_charge(state, FUEL_A_FAILURE);
    lua_Integer level = luaL_optinteger(state, 2, 1);
    bool is_text = lua_isstring(state, 1) != 0;
    if (!is_text && !lua_isnoneornil(state, 1))
        return luaL_error(state, "error takes a text, not a %s", luaL_typename(state, 1));
    push_place(state, level);
    if (is_text) lua_pushvalue(state, 1);
    else lua_pushliteral(state, "error");
    lua_concat(state, 2);
    return lua_error(state);
}

static int base_assert(lua_State *state)
{
    budget_charge(state, 1);
    luaL_checkany(state, 1);
    if (lua_toboolean(state, 1) != 0) return lua_gettop(state);
    budget_charge(state, FUEL_A_FAILURE);
    lua_settop(state, 2);
    luaL_where(state, 1);
    if (lua_isstring(state, 2) != 0) lua_pushvalue(state, 2);
    else lua_pushliteral(state, "assertion failed!");
    lua_concat(state, 2);
    return lua_error(state);
}

/** A state whose budget has ended stays dead: its error goes through. */
static int base_pcall(lua_State *state)
{
    budget_charge(state, FUEL_A_CALL);
    luaL_checkany(state, 1);
    int outcome = lua_pcall(state, lua_gettop(state) - 1, LUA_MULTRET, 0);
    if (outcome == LUA_ERRMEM) budget_stop(state, BUDGET_MEMORY);
    if (budget_of(state)->end != BUDGET_LEFT) return lua_error(state);
    /* Whoever raised it, Lua itself too, it has been paid for by nobody yet. */
    if (outcome != LUA_OK) budget_charge(state, FUEL_A_FAILURE);
    luaL_checkstack(state, 1, "too many results");
    lua_pushboolean(state, outcome == LUA_OK);
    lua_insert(state, 1);
    return lua_gettop(state);
}

static int next_place(lua_State *state)
{
    budget_charge(state, 1);
    lua_Integer at = luaL_checkinteger(state, 2);
    luaL_checkany(state, 1);
    if (at == LUA_MAXINTEGER) return push_nil(state);
    lua_pushinteger(state, at + 1);
    return lua_geti(state, 1, at + 1) == LUA_TNIL ? 1 : 2;
}

static int base_ipairs(lua_State *state)
{
    budget_charge(state, 1);
    bool is_list = lua_istable(state, 1) || lua_isuserdata(state, 1);
    if (!is_list) return luaL_typeerror(state, 1, "list");
    lua_pushcfunction(state, next_place);
    lua_pushvalue(state, 1);
    lua_pushinteger(state, 0);
    return 3;
}

static int base_next(lua_State *state)
{
    budget_charge(state, 8);
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_settop(state, 2);
    if (!key_order_next(state, 1)) return push_nil(state);
    lua_pushvalue(state, -1);
    lua_rawget(state, 1);
    return 2;
}

static int base_pairs(lua_State *state)
{
    budget_charge(state, 8);
    luaL_checkany(state, 1);
    if (luaL_getmetafield(state, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(state, 1);
        lua_call(state, 1, 3);
        return 3;
    }
    luaL_checktype(state, 1, LUA_TTABLE);
    key_order_push(state, 1);
    lua_pushvalue(state, 1);
    lua_pushnil(state);
    return 3;
}

static int base_select(lua_State *state)
{
    int count = lua_gettop(state);
    budget_charge(state, 1 + (uint64_t)count / 4);
    bool is_count = lua_type(state, 1) == LUA_TSTRING && *lua_tostring(state, 1) == '#';
    if (is_count) return lua_pushinteger(state, count - 1), 1;
    lua_Integer at = luaL_checkinteger(state, 1);
    if (at < 0) at = at < -count ? 0 : count + at;
    else if (at > count) at = count;
    luaL_argcheck(state, at >= 1, 1, "index out of range");
    return count - (int)at;
}

/** The value of a digit in bases up to 36, or 99. */
static int digit_of(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'z') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'Z') return byte - 'A' + 10;
    return 99;
}

static int number_in_base(lua_State *state, str text, lua_Integer base)
{
    lua_Unsigned number = 0;
    luaL_argcheck(state, base >= 2 && base <= 36, 2, "base out of range");
    text = str_trim(text);
    bool is_negative = text.len > 0 && text.at[0] == '-';
    if (is_negative) text = str_from(text, 1);
    if (text.len == 0 || text.len > NUMBER_BYTES_MAX) return push_nil(state);
    for (size_t at = 0; at < text.len; at++) {
        int digit = digit_of(text.at[at]);
        if (digit >= base) return push_nil(state);
        number = number * (lua_Unsigned)base + (lua_Unsigned)digit;
    }
    lua_pushinteger(state, (lua_Integer)(is_negative ? 0 - number : number));
    return 1;
}

static int base_tonumber(lua_State *state)
{
    budget_charge(state, 1);
    luaL_checkany(state, 1);
    if (!lua_isnoneornil(state, 2)) {
        luaL_checktype(state, 1, LUA_TSTRING);
        return number_in_base(state, text_of(state, 1), luaL_checkinteger(state, 2));
    }
    if (lua_type(state, 1) == LUA_TNUMBER) return lua_settop(state, 1), 1;
    if (lua_type(state, 1) != LUA_TSTRING) return push_nil(state);
    str text = text_of(state, 1);
    /* Lua reads texts with NUL up to there, which is no number. */
    bool is_short = text.len <= NUMBER_BYTES_MAX;
    if (!is_short || lua_stringtonumber(state, text.at) != text.len + 1) return push_nil(state);
    return 1;
}

static int base_tostring(lua_State *state)
{
    luaL_checkany(state, 1);
    (void)push_shown(state, 1);
    return 1;
}

static int base_type(lua_State *state)
{
    budget_charge(state, 1);
    luaL_checkany(state, 1);
    lua_pushstring(state, luaL_typename(state, 1));
    return 1;
}

static int base_has(lua_State *state)
{
    if (lua_isnoneornil(state, 1)) return push_boolean(state, false);
    lua_Integer count = list_of(state, 1);
    luaL_checkany(state, 2);
    bool has = false;
    for (lua_Integer at = 1; at <= count && !has; at++) {
        budget_charge(state, 3);
        lua_rawgeti(state, 1, at);
        has = lua_rawequal(state, -1, 2) != 0;
        lua_pop(state, 1);
    }
    return push_boolean(state, has);
}

static const struct view_name names[] = {
    {nullptr, "assert", "assert(value[, message])",
     "Gives its values when the first is neither nil nor false; else fails with the message.",
     "assert(1 < 2) == true", base_assert},
    {nullptr, "error", "error(message[, level])",
     "Fails with this text, behind the line it stands on; with level 2 the line of the caller, "
     "with level 0 none. A failure that nothing catches fails the change.",
     "not pcall(error, \"too much\")", base_error},
    {nullptr, "has", "has(list, value)",
     "Whether the list has the value; false when there is no list.",
     "has({\"vip\", \"late\"}, \"vip\")", base_has},
    {nullptr, "ipairs", "ipairs(list)",
     "For `for at, value in ipairs(list) do`: the values of a list in order, up to the first nil.",
     "ipairs({7}) ~= nil", base_ipairs},
    {nullptr, "next", "next(table[, key])",
     "The key that follows this one in order (the first without one) and its value; nil at the "
     "end. `next(t) == nil` tells that a table is empty.",
     "next({}) == nil", base_next},
    {nullptr, "pairs", "pairs(table)",
     "For `for key, value in pairs(table) do`: all pairs, always in the same order: false, true, "
     "numbers, then texts.",
     "select(2, pairs({a = 1})).a == 1", base_pairs},
    {nullptr, "pcall", "pcall(f, …)",
     "Calls f with these values: true and what it gives, or false and why it failed. A rejection, "
     "or running out of fuel, time or memory, cannot be caught.",
     "select(2, pcall(function() return 7 end)) == 7", base_pcall},
    {nullptr, "select", "select(n, …)",
     "The values from the n-th on, counted from the end when n is negative; how many there are "
     "when n is \"#\".",
     "select(\"#\", \"a\", \"b\") == 2", base_select},
    {nullptr, "tonumber", "tonumber(value[, base])",
     "The number that a text shows, or nil; in another base from 2 to 36 when it is given.",
     "tonumber(\" 12.5 \") == 12.5 and tonumber(\"ff\", 16) == 255", base_tonumber},
    {nullptr, "tostring", "tostring(value)",
     "The value as text. What is no number, text or truth value shows only what it is.",
     "tostring(1.5) == \"1.5\" and tostring({}) == \"table\"", base_tostring},
    {nullptr, "type", "type(value)",
     "\"nil\", \"boolean\", \"number\", \"string\", \"table\", \"function\" or \"userdata\".",
     "type(\"x\") == \"string\"", base_type},
};
const struct view_part library_base = {.names = names, .count = sizeof names / sizeof *names};
