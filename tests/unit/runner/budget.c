/* Budgets of Lua states: each kind of end, and that nothing catches one. */
#include "runner/budget.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "test.h"

/** Runs a source with this budget and gives Lua's outcome; what it said goes to `said`. */
static int run(struct budget *budget, lua_CFunction function, const char *source, char said[256])
{
    lua_State *state = budget_open_state(budget);
    check(state != nullptr);
    said[0] = 0;
    if (function != nullptr) {
        lua_pushcfunction(state, function);
        lua_setglobal(state, "call");
    }
    int outcome = luaL_loadbufferx(state, source, strlen(source), "=rule", "t");
    if (outcome == LUA_OK) outcome = lua_pcall(state, 0, 0, 0);
    if (outcome != LUA_OK) (void)snprintf(said, 256, "%s", lua_tostring(state, -1));
    lua_close(state);
    check_int(budget->bytes_used, 0);
    return outcome;
}

TEST(test_budget__ends_by_fuel_with_the_line)
{
    char said[256];
    struct budget budget = {.fuel_max = 10'000, .bytes_max = MIB};
    check_int(run(&budget, nullptr, "local x = 1\nwhile true do x = x + 1 end", said), LUA_ERRRUN);
    check(strcmp(said, "rule:2: takes too many steps") == 0);
    check_int(budget.end, BUDGET_FUEL);
    check_int(budget.line, 2);
    check_int(budget.fuel_spent, 10'000);
}

/** Catches what it calls, and goes on. */
static int catch (lua_State *state)
{
    lua_pushboolean(state, lua_pcall(state, 0, 0, 0) == LUA_OK);
    return 1;
}

TEST(test_budget__is_dead_once_it_has_ended)
{
    char said[256];
    struct budget budget = {.fuel_max = 100'000, .bytes_max = MIB};
    const char *source = "local function f() while true do end end\n"
                         "while true do call(f) end";
    check_int(run(&budget, catch, source, said), LUA_ERRRUN);
    check(strcmp(said, "rule:2: takes too many steps") == 0);
    check_int(budget.line, 1);
    check_int(budget.fuel_spent, 100'000);
}

static int work(lua_State *state)
{
    budget_charge_bytes(state, 64 * 999);
    return 0;
}

TEST(test_budget__counts_work_in_c)
{
    char said[256];
    struct budget budget = {.fuel_max = 100'000, .bytes_max = MIB};
    check_int(run(&budget, work, "for i = 1, 99 do call() end", said), LUA_OK);
    check(budget.fuel_spent >= 99'000 && budget.fuel_spent < 100'000);
    check_int(run(&budget, work, "\n\nfor i = 1, 101 do call() end", said), LUA_ERRRUN);
    check_str(str_of(said), S("rule:3: takes too many steps"));
}

TEST(test_budget__ends_by_time)
{
    char said[256];
    struct budget budget = {.fuel_max = UINT64_MAX / 2, .bytes_max = MIB, .cpu_us_max = 2000};
    check_int(run(&budget, nullptr, "while true do end", said), LUA_ERRRUN);
    check(strcmp(said, "rule:1: takes too much time") == 0);
    check_int(budget.end, BUDGET_TIME);
}

TEST(test_budget__caps_memory)
{
    char said[256];
    struct budget budget = {.fuel_max = 1'000'000, .bytes_max = 256 * KIB};
    const char *source = "local s = 'x'\nfor i = 1, 99 do\ns = s .. s end";
    check_int(run(&budget, nullptr, source, said), LUA_ERRMEM);
    check_int(budget.line, 3);
    check(budget.bytes_most <= 256 * KIB && budget.bytes_most > 128 * KIB);
    budget.taken_bytes_max = MIB;
    const char *again = "local s = ('x') while #s < 1024 do s = s .. s end\n"
                        "for i = 1, 1e5 do local t = s .. i end";
    check_int(run(&budget, nullptr, again, said), LUA_ERRMEM);
    check(budget.bytes_most <= 256 * KIB);
    check_int(budget.end, BUDGET_LEFT);
}

static int stop(lua_State *state)
{
    budget_stop(state, BUDGET_STOPPED);
}

TEST(test_budget__is_stopped_by_what_a_script_asks_for)
{
    char said[256];
    struct budget budget = {.fuel_max = 1'000'000, .bytes_max = MIB};
    check_int(run(&budget, stop, "local x = 1\ncall()", said), LUA_ERRRUN);
    check_int(budget.end, BUDGET_STOPPED);
    check_int(budget.line, 2);
}

TEST(test_budget__begins_again)
{
    struct budget budget = {.fuel_max = 10'000, .bytes_max = MIB};
    lua_State *state = budget_open_state(&budget);
    for (int turn = 0; turn < 3; turn++) {
        budget_begin(&budget);
        const char *source = turn == 1 ? "while true do end" : "for i = 1, 1000 do end";
        check_int(luaL_loadstring(state, source), LUA_OK);
        check_int(lua_pcall(state, 0, 0, 0), turn == 1 ? LUA_ERRRUN : LUA_OK);
        lua_settop(state, 0);
        check_int(budget.end, turn == 1 ? BUDGET_FUEL : BUDGET_LEFT);
    }
    lua_close(state);
}
