/** script: runs a script in a fresh state with the library, without a run. */
#pragma once

#include <lauxlib.h>
#include <lua.h>

#include "base/limits.h"
#include "runner/library.h"
#include "test.h"

constexpr size_t SCRIPT_SAID_BYTES = 4096;

struct script {
    struct budget budget;
    str source;
    int outcome;
    size_t said_len;
    char said[SCRIPT_SAID_BYTES]; /** what it returned, as `tostring` shows it, or why it failed */
};

[[maybe_unused]] static int script_fill(lua_State *state)
{
    struct script *script = lua_touserdata(state, 1);
    view_fill(state, library_parts, LIBRARY_PART_COUNT);
    lua_getfield(state, -1, "tostring");
    if (luaL_loadbufferx(state, script->source.at, script->source.len, "=rule", "t") != LUA_OK)
        return lua_error(state);
    lua_pushvalue(state, -3);
    check(lua_setupvalue(state, -2, 1) != nullptr);
    lua_call(state, 0, 1);
    lua_call(state, 1, 1);
    return 1;
}

/** The budget of a rule, unless the script has one; of time ten times as much, for what is built to
 *  be tested, so that fuel decides. */
[[maybe_unused]] static void script_run(struct script *script)
{
    if (script->budget.fuel_max == 0)
        script->budget = (struct budget){.fuel_max = RULE_FUEL_MAX,
                                         .bytes_max = RULE_BYTES_MAX,
                                         .taken_bytes_max = RULE_TAKEN_BYTES_MAX,
                                         .cpu_us_max = RULE_CPU_MS_MAX * 10'000};
    lua_State *state = budget_open_state(&script->budget);
    check(state != nullptr);
    lua_pushcfunction(state, script_fill);
    lua_pushlightuserdata(state, script);
    script->outcome = lua_pcall(state, 1, 1, 0);
    size_t len;
    const char *said = lua_tolstring(state, -1, &len);
    check(said != nullptr);
    script->said_len = len < SCRIPT_SAID_BYTES - 1 ? len : SCRIPT_SAID_BYTES - 1;
    memcpy(script->said, said, script->said_len);
    script->said[script->said_len] = 0;
    lua_close(state);
    check_int(script->budget.bytes_used, 0);
}

[[maybe_unused]] static struct script script_of(const char *source)
{
    struct script script = {.source = str_of(source)};
    script_run(&script);
    return script;
}
