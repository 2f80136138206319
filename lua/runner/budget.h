/** budget: how much memory and how many steps one Lua state may spend.
 *
 *  Memory is counted by the state's allocator, instructions by a hook that keeps firing once it has
 *  tripped, so that no protected call can swallow the error.
 *  Thread  one at a time.
 *  Memory  the budget outlives its state.
 */
#pragma once

#include <lua.h>

#include "base/arena.h"

struct budget {
    size_t bytes_used;
    size_t bytes_max;
    uint64_t steps_left;
    bool is_spent; /** steps ran out */
};

/** A state without any library whose allocator and hook spend `budget`; nullptr when the budget is
 *  too small for an empty one. Ended by lua_close. */
lua_State *budget_open_state(struct budget *budget);
