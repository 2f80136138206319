#include "budget.h"

#include <lauxlib.h>

#include "base/require.h"

constexpr int STEPS_A_HOOK = 1000;

static void *spend_memory(void *owner, void *old, size_t old_bytes, size_t new_bytes)
{
    struct budget *budget = owner;
    /* Without an old block Lua passes the kind of object in its size. */
    if (old == nullptr) old_bytes = 0;
    require(old_bytes <= budget->bytes_used);
    size_t others_bytes = budget->bytes_used - old_bytes;
    if (new_bytes > budget->bytes_max || others_bytes > budget->bytes_max - new_bytes)
        return nullptr;
    if (new_bytes > old_bytes && budget->taken_bytes_max > 0) {
        size_t more = new_bytes - old_bytes;
        if (more > budget->taken_bytes_max - budget->taken_bytes) return nullptr;
        budget->taken_bytes += more;
    }
    budget->bytes_used = others_bytes + new_bytes;
    if (new_bytes == 0) {
        memory_give(old);
        return nullptr;
    }
    void *fresh = memory_take(new_bytes);
    if (old_bytes > 0) memcpy(fresh, old, old_bytes < new_bytes ? old_bytes : new_bytes);
    memory_give(old);
    return fresh;
}

static void spend_steps(lua_State *state, lua_Debug *here)
{
    void *owner;
    lua_getallocf(state, &owner);
    struct budget *budget = owner;
    if (!budget->is_spent && budget->steps_left > (uint64_t)STEPS_A_HOOK) {
        budget->steps_left -= (uint64_t)STEPS_A_HOOK;
        return;
    }
    budget->is_spent = true;
    lua_sethook(state, spend_steps, LUA_MASKCOUNT, 1);
    lua_getinfo(state, "Sl", here);
    luaL_error(state, "%s:%d: takes too many steps", here->short_src, here->currentline);
}

lua_State *budget_open_state(struct budget *budget)
{
    require(budget->bytes_max > 0);
    require(budget->steps_left > 0);
    lua_State *state = lua_newstate(spend_memory, budget);
    if (state != nullptr) lua_sethook(state, spend_steps, LUA_MASKCOUNT, STEPS_A_HOOK);
    return state;
}
