#include "key_order.h"

#include <lauxlib.h>
#include <math.h>

#include "base/require.h"
#include "base/str.h"
#include "budget.h"
#include "library.h"

constexpr uint64_t FUEL_A_KEY = 2;
constexpr uint64_t FUEL_A_COMPARE = 6; /** of two keys, each taken out of its table */

enum key_kind : uint8_t { KEY_FALSE, KEY_TRUE, KEY_INTEGER, KEY_NUMBER, KEY_TEXT };

struct key {
    enum key_kind kind;
    uint32_t place; /** in the list of keys */
    union {
        lua_Integer integer;
        lua_Number number;
        str text; /** of the state, as long as the key is in its table */
    };
};

/** What an iteration keeps, behind it the places of the keys in order. */
struct order {
    uint32_t count;
    uint32_t next;
    uint32_t places[];
};

static struct key key_at(lua_State *state, int at)
{
    struct key key = {};
    switch (lua_type(state, at)) {
    case LUA_TBOOLEAN:
        key.kind = lua_toboolean(state, at) != 0 ? KEY_TRUE : KEY_FALSE;
        return key;
    case LUA_TNUMBER:
        key.kind = lua_isinteger(state, at) ? KEY_INTEGER : KEY_NUMBER;
        if (key.kind == KEY_INTEGER) key.integer = lua_tointeger(state, at);
        else key.number = lua_tonumber(state, at);
        return key;
    case LUA_TSTRING:
        key.kind = KEY_TEXT;
        key.text.at = lua_tolstring(state, at, &key.text.len);
        return key;
    default:
        luaL_error(state, "a key that is a %s has no order", luaL_typename(state, at));
        require(false);
    }
}

/** Exact: a key that is a float has no whole value that fits. */
static int compare_mixed(lua_Integer whole, lua_Number number)
{
    if (number >= 0x1p63) return -1;
    if (number < -0x1p63) return 1;
    lua_Integer floor = (lua_Integer)number;
    if ((lua_Number)floor > number) floor--;
    return whole <= floor ? -1 : 1;
}

static int compare_keys(const struct key *one, const struct key *other)
{
    if (one->kind == KEY_INTEGER && other->kind == KEY_NUMBER)
        return compare_mixed(one->integer, other->number);
    if (one->kind == KEY_NUMBER && other->kind == KEY_INTEGER)
        return -compare_mixed(other->integer, one->number);
    if (one->kind != other->kind) return one->kind < other->kind ? -1 : 1;
    switch (one->kind) {
    case KEY_INTEGER:
        return one->integer < other->integer ? -1 : one->integer > other->integer;
    case KEY_NUMBER:
        return one->number < other->number ? -1 : one->number > other->number;
    case KEY_TEXT:
        return str_compare(one->text, other->text);
    case KEY_FALSE:
    case KEY_TRUE:
        break;
    }
    return 0;
}

/** Lets the key at `root` of a heap sink to its place. */
static void sink(struct key *keys, uint32_t root, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && compare_keys(&keys[child], &keys[child + 1]) < 0) child++;
        if (compare_keys(&keys[root], &keys[child]) >= 0) return;
        struct key moved = keys[root];
        keys[root] = keys[child];
        keys[child] = moved;
        root = child;
    }
}

static void sort_keys(struct key *keys, uint32_t count)
{
    for (uint32_t root = count / 2; root > 0; root--) sink(keys, root - 1, count);
    for (uint32_t end = count; end > 1; end--) {
        struct key moved = keys[0];
        keys[0] = keys[end - 1];
        keys[end - 1] = moved;
        sink(keys, 0, end - 1);
    }
}

/** The next pair, or nil: upvalues table, keys (nil: 1 to count), order. */
static int give_pair(lua_State *state)
{
    struct order *order = lua_touserdata(state, lua_upvalueindex(3));
    bool is_list = lua_isnil(state, lua_upvalueindex(2));
    while (order->next < order->count) {
        uint32_t at = order->next++;
        budget_charge(state, 1);
        lua_settop(state, 0);
        if (is_list) lua_pushinteger(state, (lua_Integer)at + 1);
        else lua_rawgeti(state, lua_upvalueindex(2), (lua_Integer)order->places[at]);
        lua_pushvalue(state, 1);
        /* What was taken out meanwhile is not shown. */
        if (lua_rawget(state, lua_upvalueindex(1)) != LUA_TNIL) return 2;
    }
    return push_nil(state);
}

/** Counts the keys; whether they are 1 to count, to be given without sorting. */
static uint32_t count_keys(lua_State *state, int table, bool *is_list_out)
{
    uint32_t count = 0;
    bool is_whole = true;
    lua_Integer most = 0;
    lua_pushnil(state);
    while (lua_next(state, table) != 0) {
        budget_charge(state, FUEL_A_KEY);
        count++;
        is_whole = is_whole && lua_isinteger(state, -2) && lua_tointeger(state, -2) > 0;
        if (is_whole && lua_tointeger(state, -2) > most) most = lua_tointeger(state, -2);
        lua_pop(state, 1);
    }
    *is_list_out = is_whole && most == (lua_Integer)count;
    return count;
}

/** Pushes a list of the keys and fills `keys`. */
static void push_keys(lua_State *state, int table, struct key *keys, uint32_t count)
{
    uint32_t at = 0;
    lua_createtable(state, (int)count, 0);
    lua_pushnil(state);
    while (at < count && lua_next(state, table) != 0) {
        lua_pop(state, 1);
        keys[at] = key_at(state, -1);
        at++;
        keys[at - 1].place = at;
        lua_pushvalue(state, -1);
        lua_rawseti(state, -3, (lua_Integer)at);
    }
    if (at == count && count > 0) lua_pop(state, 1);
    require(at == count);
}

static uint32_t log_of(uint32_t count)
{
    uint32_t log = 1;
    for (; count > 1; count /= 2) log++;
    return log;
}

void key_order_push(lua_State *state, int at)
{
    bool is_list;
    int table = lua_absindex(state, at);
    luaL_checkstack(state, 10, "too deep");
    uint32_t count = count_keys(state, table, &is_list);
    size_t places = is_list ? 0 : count;
    lua_pushvalue(state, table);
    lua_pushnil(state);
    struct order *order =
        lua_newuserdatauv(state, sizeof(struct order) + places * sizeof(uint32_t), 0);
    order->count = count;
    order->next = 0;
    if (!is_list) {
        budget_charge(state, FUEL_A_KEY * (uint64_t)count * log_of(count));
        struct key *keys = lua_newuserdatauv(state, count * sizeof(struct key) + 1, 0);
        push_keys(state, table, keys, count);
        sort_keys(keys, count);
        for (uint32_t of = 0; of < count; of++) order->places[of] = keys[of].place;
        lua_replace(state, -4);
        lua_pop(state, 1);
    }
    lua_pushcclosure(state, give_pair, 3);
}

bool key_order_next(lua_State *state, int at)
{
    struct key best = {}, after = {};
    int table = lua_absindex(state, at), key = lua_gettop(state);
    bool is_first = lua_isnil(state, key), has_best = false;
    luaL_checkstack(state, 10, "too deep");
    if (!is_first) after = key_at(state, key);
    /* No key is no number, and nothing comes behind it. */
    if (after.kind == KEY_NUMBER && isnan(after.number)) return lua_settop(state, key - 1), false;
    lua_pushnil(state); /* the best so far, which keeps its text alive */
    lua_pushnil(state);
    while (lua_next(state, table) != 0) {
        budget_charge(state, FUEL_A_COMPARE);
        struct key here = key_at(state, -2);
        bool is_better = (is_first || compare_keys(&here, &after) > 0) &&
                         (!has_best || compare_keys(&here, &best) < 0);
        lua_pop(state, 1);
        if (!is_better) continue;
        best = here;
        has_best = true;
        lua_pushvalue(state, -1);
        lua_replace(state, key + 1);
    }
    lua_replace(state, key);
    lua_settop(state, has_best ? key : key - 1);
    return has_best;
}
