/* Numbers. Chance is not here: `random` belongs to the run, which repeats it. */
#include <math.h>

#include "library.h"

constexpr lua_Integer DIGITS_MAX = 9;

static int math_abs(lua_State *state)
{
    budget_charge(state, 1);
    if (lua_isinteger(state, 1)) {
        lua_Integer whole = lua_tointeger(state, 1);
        lua_pushinteger(state, whole < 0 ? (lua_Integer)(0 - (lua_Unsigned)whole) : whole);
    } else {
        lua_pushnumber(state, fabs(luaL_checknumber(state, 1)));
    }
    return 1;
}

static int math_ceil(lua_State *state)
{
    budget_charge(state, 1);
    if (lua_isinteger(state, 1)) return lua_settop(state, 1), 1;
    return push_whole(state, ceil(luaL_checknumber(state, 1)));
}

static int math_floor(lua_State *state)
{
    budget_charge(state, 1);
    if (lua_isinteger(state, 1)) return lua_settop(state, 1), 1;
    return push_whole(state, floor(luaL_checknumber(state, 1)));
}

static int math_fmod(lua_State *state)
{
    budget_charge(state, 1);
    if (!lua_isinteger(state, 1) || !lua_isinteger(state, 2)) {
        lua_pushnumber(state, fmod(luaL_checknumber(state, 1), luaL_checknumber(state, 2)));
        return 1;
    }
    lua_Integer by = lua_tointeger(state, 2);
    luaL_argcheck(state, by != 0, 2, "zero");
    /* The least number divided by -1 has no result that fits. */
    lua_pushinteger(state, by == -1 ? 0 : lua_tointeger(state, 1) % by);
    return 1;
}

static int best_of(lua_State *state, bool is_least)
{
    int best = 1, count = lua_gettop(state);
    budget_charge(state, 1 + (uint64_t)count);
    (void)luaL_checknumber(state, 1);
    for (int at = 2; at <= count; at++) {
        (void)luaL_checknumber(state, at);
        bool is_better = is_least ? lua_compare(state, at, best, LUA_OPLT) != 0
                                  : lua_compare(state, best, at, LUA_OPLT) != 0;
        if (is_better) best = at;
    }
    /* A text that shows a number counts as that. */
    if (lua_type(state, best) == LUA_TSTRING) lua_pushnumber(state, lua_tonumber(state, best));
    else lua_pushvalue(state, best);
    return 1;
}

static int math_max(lua_State *state)
{
    return best_of(state, false);
}

static int math_min(lua_State *state)
{
    return best_of(state, true);
}

static int math_round(lua_State *state)
{
    budget_charge(state, 1);
    lua_Integer digits = luaL_optinteger(state, 2, 0);
    luaL_argcheck(state, digits >= 0 && digits <= DIGITS_MAX, 2, "is 0 to 9 digits");
    if (lua_isinteger(state, 1)) return lua_settop(state, 1), 1;
    double number = luaL_checknumber(state, 1), scale = pow(10, (double)digits);
    if (digits == 0) return push_whole(state, round(number));
    lua_pushnumber(state, round(number * scale) / scale);
    return 1;
}

static int math_sqrt(lua_State *state)
{
    budget_charge(state, 1);
    lua_pushnumber(state, sqrt(luaL_checknumber(state, 1)));
    return 1;
}

static int math_tointeger(lua_State *state)
{
    int is_whole;
    budget_charge(state, 1);
    luaL_checkany(state, 1);
    lua_Integer whole = lua_tointegerx(state, 1, &is_whole);
    if (is_whole == 0 || lua_type(state, 1) != LUA_TNUMBER) return push_nil(state);
    lua_pushinteger(state, whole);
    return 1;
}

static int math_type(lua_State *state)
{
    budget_charge(state, 1);
    luaL_checkany(state, 1);
    if (lua_type(state, 1) != LUA_TNUMBER) return push_nil(state);
    lua_pushstring(state, lua_isinteger(state, 1) ? "integer" : "float");
    return 1;
}

static int math_ult(lua_State *state)
{
    budget_charge(state, 1);
    lua_Unsigned one = (lua_Unsigned)luaL_checkinteger(state, 1);
    return push_boolean(state, one < (lua_Unsigned)luaL_checkinteger(state, 2));
}

static const struct view_name names[] = {
    {"math", "abs", "math.abs(x)", "Without its sign.", "math.abs(-3) == 3", math_abs},
    {"math", "ceil", "math.ceil(x)", "The least whole number that is not below x.",
     "math.ceil(3.2) == 4", math_ceil},
    {"math", "floor", "math.floor(x)", "The greatest whole number that is not above x.",
     "math.floor(-3.2) == -4", math_floor},
    {"math", "fmod", "math.fmod(x, y)", "What is left of x divided by y, with the sign of x.",
     "math.fmod(-7, 4) == -3", math_fmod},
    {"math", "huge", "math.huge", "Above all numbers.", "math.huge > math.maxinteger", nullptr},
    {"math", "max", "math.max(x, …)", "The greatest of these.", "math.max(1, 5, 3) == 5", math_max},
    {"math", "maxinteger", "math.maxinteger", "The greatest whole number.",
     "math.maxinteger == 9223372036854775807", nullptr},
    {"math", "min", "math.min(x, …)", "The least of these.", "math.min(4, 2, 9) == 2", math_min},
    {"math", "mininteger", "math.mininteger", "The least whole number.",
     "math.mininteger < -9223372036854775807", nullptr},
    {"math", "pi", "math.pi", "The ratio of a circle's circumference to its diameter.",
     "math.floor(math.pi * 100) == 314", nullptr},
    {"math", "round", "math.round(x[, digits])",
     "The nearest whole number, or with so many digits (0 to 9) behind the point; halves go away "
     "from zero.",
     "math.round(2.5) == 3 and math.round(1.345, 1) == 1.3", math_round},
    {"math", "sqrt", "math.sqrt(x)", "The square root.", "math.sqrt(16) == 4", math_sqrt},
    {"math", "tointeger", "math.tointeger(x)",
     "The whole number of this value, or nil when it has none.",
     "math.tointeger(3.0) == 3 and math.tointeger(3.5) == nil", math_tointeger},
    {"math", "type", "math.type(x)", "\"integer\", \"float\", or nil when it is no number.",
     "math.type(1) == \"integer\" and math.type(1.0) == \"float\"", math_type},
    {"math", "ult", "math.ult(m, n)", "Whether m is below n when both are read without a sign.",
     "math.ult(1, -1)", math_ult},
};

/** The values among the names. */
static void fill_values(lua_State *state)
{
    lua_getfield(state, -1, "math");
    lua_pushnumber(state, HUGE_VAL);
    lua_setfield(state, -2, "huge");
    lua_pushinteger(state, LUA_MAXINTEGER);
    lua_setfield(state, -2, "maxinteger");
    lua_pushinteger(state, LUA_MININTEGER);
    lua_setfield(state, -2, "mininteger");
    lua_pushnumber(state, M_PI);
    lua_setfield(state, -2, "pi");
    lua_pop(state, 1);
}

const struct view_part library_math = {
    .names = names, .count = sizeof names / sizeof *names, .fill = fill_values};
