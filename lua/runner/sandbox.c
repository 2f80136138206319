#include "sandbox.h"

#include <lauxlib.h>

#include "library.h"
#include "library_date.h"

/** Functions of tables that formulas call by a name of their own. */
static const struct {
    const char *name;
    const char *table;
    const char *member;
} short_names[] = {
    {"day", "date", "day"},   {"days", "date", "days"},   {"month", "date", "month"},
    {"year", "date", "year"}, {"round", "math", "round"},
};

static int refuse_write(lua_State *state)
{
    return luaL_error(state, "a formula cannot set `%s`: it only gives a value",
                      lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "it");
}

void sandbox_fill(lua_State *state)
{
    view_fill(state, library_parts, LIBRARY_PART_COUNT);
    for (size_t at = 0; at < sizeof short_names / sizeof *short_names; at++) {
        lua_getfield(state, -1, short_names[at].table);
        lua_getfield(state, -1, short_names[at].member);
        lua_setfield(state, -3, short_names[at].name);
        lua_pop(state, 1);
    }
    lua_pushcfunction(state, date_add_months);
    lua_setfield(state, -2, "months");
    /* Behind a table that only shows them. */
    lua_createtable(state, 0, 0);
    lua_createtable(state, 0, 2);
    lua_rotate(state, -3, -1);
    lua_setfield(state, -2, "__index");
    lua_pushcfunction(state, refuse_write);
    lua_setfield(state, -2, "__newindex");
    lua_setmetatable(state, -2);
    lua_rawseti(state, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}
