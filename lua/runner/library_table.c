/* Lists, by their raw length; no metamethod is asked. */
#include "base/require.h"
#include "library.h"

constexpr uint64_t FUEL_A_MOVE = 1;
constexpr uint64_t FUEL_A_COMPARE = 3;

static int table_concat(lua_State *state)
{
    struct making making;
    lua_Integer last = list_of(state, 1);
    str between = text_or(state, 2, S(""));
    lua_Integer from = luaL_optinteger(state, 3, 1), to = luaL_optinteger(state, 4, last);
    making_begin(&making, state);
    for (lua_Integer at = from; at <= to; at++) {
        lua_rawgeti(state, 1, at);
        if (lua_isstring(state, -1) == 0)
            return luaL_error(state, "invalid value (at index %I) in table for 'concat'",
                              (LUAI_UACINT)at);
        making_put(&making, text_of(state, -1));
        if (at < to) making_put(&making, between);
        lua_pop(state, 1);
        if (at == LUA_MAXINTEGER) break;
    }
    return making_push(&making);
}

static int table_insert(lua_State *state)
{
    lua_Integer end = list_of(state, 1) + 1, at = end;
    int count = lua_gettop(state);
    if (count == 3) at = luaL_checkinteger(state, 2);
    else if (count != 2) return luaL_error(state, "wrong number of arguments to 'insert'");
    luaL_argcheck(state, at >= 1 && at <= end, 2, "position out of bounds");
    budget_charge(state, (uint64_t)(end - at) * FUEL_A_MOVE);
    for (lua_Integer to = end; to > at; to--) {
        lua_rawgeti(state, 1, to - 1);
        lua_rawseti(state, 1, to);
    }
    lua_pushvalue(state, count);
    lua_rawseti(state, 1, at);
    return 0;
}

static int table_remove(lua_State *state)
{
    lua_Integer count = list_of(state, 1), at = luaL_optinteger(state, 2, count);
    if (lua_gettop(state) > 1)
        luaL_argcheck(state, (count == 0 && at == 0) || (at >= 1 && at <= count + 1), 2,
                      "position out of bounds");
    lua_rawgeti(state, 1, at);
    if (at < count) budget_charge(state, (uint64_t)(count - at) * FUEL_A_MOVE);
    for (; at >= 1 && at < count; at++) {
        lua_rawgeti(state, 1, at + 1);
        lua_rawseti(state, 1, at);
    }
    lua_pushnil(state);
    lua_rawseti(state, 1, at);
    return 1;
}

static int table_unpack(lua_State *state)
{
    lua_Integer last = list_of(state, 1);
    lua_Integer from = luaL_optinteger(state, 2, 1), to = luaL_optinteger(state, 3, last);
    if (from > to) return 0;
    lua_Unsigned more = (lua_Unsigned)to - (lua_Unsigned)from;
    if (more >= (lua_Unsigned)MADE_VALUES_MAX || lua_checkstack(state, (int)more + 1) == 0)
        return luaL_error(state, "too many results to unpack");
    budget_charge(state, 1 + (uint64_t)more);
    for (lua_Unsigned at = 0; at <= more; at++)
        lua_rawgeti(state, 1, (lua_Integer)((lua_Unsigned)from + at));
    return (int)more + 1;
}

/* Sorting merges lists of places, in bytes of its own: so it is stable, and whatever a comparator
 * says, nothing outside of them is read. */

struct sorting {
    lua_State *state;
    bool has_function;
    uint32_t count;
    uint32_t *places; /** in order, after each pass */
    uint32_t *spare;
};

/** Whether the value at one place of the list comes before that at another. */
static bool is_before(const struct sorting *sorting, uint32_t one, uint32_t other)
{
    lua_State *state = sorting->state;
    bool is_less;
    budget_charge(state, FUEL_A_COMPARE);
    if (sorting->has_function) lua_pushvalue(state, 2);
    lua_rawgeti(state, 1, (lua_Integer)one);
    lua_rawgeti(state, 1, (lua_Integer)other);
    if (sorting->has_function) {
        lua_call(state, 2, 1);
        is_less = lua_toboolean(state, -1) != 0;
        lua_pop(state, 1);
        return is_less;
    }
    if (lua_type(state, -1) == LUA_TSTRING) budget_charge_bytes(state, lua_rawlen(state, -1));
    is_less = lua_compare(state, -2, -1, LUA_OPLT) != 0;
    lua_pop(state, 2);
    return is_less;
}

/** Merges two neighbours, from..middle and middle..end, into the spare places. */
static void merge(struct sorting *sorting, uint32_t from, uint32_t middle, uint32_t end)
{
    uint32_t left = from, right = middle;
    for (uint32_t at = from; at < end; at++) {
        bool takes_right = left == middle;
        if (!takes_right && right < end)
            takes_right = is_before(sorting, sorting->places[right], sorting->places[left]);
        sorting->spare[at] = sorting->places[takes_right ? right++ : left++];
    }
}

static void sort_places(struct sorting *sorting)
{
    for (uint64_t width = 1; width < sorting->count; width *= 2) {
        for (uint64_t from = 0; from < sorting->count; from += 2 * width) {
            uint64_t middle = from + width, end = from + 2 * width;
            if (middle > sorting->count) middle = sorting->count;
            if (end > sorting->count) end = sorting->count;
            merge(sorting, (uint32_t)from, (uint32_t)middle, (uint32_t)end);
        }
        uint32_t *sorted = sorting->spare;
        sorting->spare = sorting->places;
        sorting->places = sorted;
    }
}

/** Puts each value where it belongs, cycle by cycle. */
static void move_values(struct sorting *sorting)
{
    lua_State *state = sorting->state;
    budget_charge(state, sorting->count * 2 * FUEL_A_MOVE);
    for (uint32_t begin = 0; begin < sorting->count; begin++) {
        if (sorting->places[begin] == begin + 1) continue;
        lua_rawgeti(state, 1, (lua_Integer)begin + 1);
        uint32_t at = begin;
        while (sorting->places[at] != begin + 1) {
            uint32_t from = sorting->places[at];
            lua_rawgeti(state, 1, (lua_Integer)from);
            lua_rawseti(state, 1, (lua_Integer)at + 1);
            sorting->places[at] = at + 1;
            at = from - 1;
        }
        lua_rawseti(state, 1, (lua_Integer)at + 1);
        sorting->places[at] = at + 1;
    }
}

static int table_sort(lua_State *state)
{
    lua_Integer count = list_of(state, 1);
    bool has_function = !lua_isnoneornil(state, 2);
    if (has_function) luaL_checktype(state, 2, LUA_TFUNCTION);
    luaL_argcheck(state, count <= INT32_MAX, 1, "array too big");
    lua_settop(state, 2);
    luaL_checkstack(state, 8, "too deep");
    budget_charge(state, (uint64_t)count / 4);
    struct sorting sorting = {.state = state, .has_function = has_function};
    sorting.count = (uint32_t)count;
    sorting.places = room_of(state, 2 * sizeof(uint32_t) * sorting.count);
    sorting.spare = sorting.places + sorting.count;
    for (uint32_t at = 0; at < sorting.count; at++) sorting.places[at] = at + 1;
    sort_places(&sorting);
    move_values(&sorting);
    return 0;
}

static const struct view_name names[] = {
    {"table", "concat", "table.concat(list[, between[, first[, last]]])",
     "The texts and numbers of a list as one text.",
     "table.concat({\"a\", \"b\", 3}, \", \") == \"a, b, 3\"", table_concat},
    {"table", "insert", "table.insert(list, [place,] value)",
     "Puts the value at the end, or at a place: those from there on move up.",
     "(function() local t = {1, 3} table.insert(t, 2, 9) return t[2] == 9 and t[3] == 3 end)()",
     table_insert},
    {"table", "remove", "table.remove(list[, place])",
     "Takes the last value out of the list, or that at a place, and gives it.",
     "table.remove({\"a\", \"b\"}, 1) == \"a\"", table_remove},
    {"table", "sort", "table.sort(list[, is_before])",
     "Puts the list in order: by <, or by a function that tells whether its first value comes "
     "before its second. Equal ones keep their order.",
     "(function() local t = {3, 1, 2} table.sort(t) return t[1] == 1 and t[3] == 3 end)()",
     table_sort},
    {"table", "unpack", "table.unpack(list[, first[, last]])",
     "The values of a list, one by one; at most 4096.",
     "select(2, table.unpack({\"a\", \"b\"})) == \"b\"", table_unpack},
};
const struct view_part library_table = {.names = names, .count = sizeof names / sizeof *names};
