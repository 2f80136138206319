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
    /** what may be taken in all, given back or not, so that one instruction after the other cannot
     *  copy long texts for ever; 0: as much as it likes */
    size_t taken_bytes_max;
    size_t taken_bytes;
    bool is_spent; /** steps ran out */
};

/** A state without any library whose allocator and hook spend `budget`; nullptr when the budget is
 *  too small for an empty one. Ended by lua_close. */
lua_State *budget_open_state(struct budget *budget);
