/** budget: what one Lua state may spend: fuel, memory, and the process's own time.
 *
 *  Fuel counts instructions, by a hook, and the work that functions in C do for a script
 *  (budget_charge), so that nothing runs longer than it has paid for. Memory is counted by the
 *  state's allocator. Time is a backstop for instructions that take long.
 *  A state whose budget has ended is dead: its hook fires at each further instruction, every
 *  function in C that charges raises again, and `pcall` (library_base.c) hands the error on, so no
 *  script can catch it.
 *  Thread  one at a time.
 *  Memory  the budget outlives its state.
 */
#pragma once

#include <lua.h>

#include "base/arena.h"

enum budget_end : uint8_t {
    BUDGET_LEFT, /** it has not ended */
    BUDGET_FUEL,
    BUDGET_TIME,
    BUDGET_MEMORY,  /** told by whoever catches LUA_ERRMEM: the allocator cannot know the last */
    BUDGET_STOPPED, /** by what the script asked for: it has rejected, or the server has ended it */
};

struct budget {
    /* What may be spent, set before budget_open_state; 0 is unlimited but for the first two. */
    uint64_t fuel_max;
    size_t bytes_max; /** held at once */
    /** what may be taken in all, given back or not, so that one instruction after the other cannot
     *  copy long texts for ever */
    size_t taken_bytes_max;
    int64_t cpu_us_max; /** of the process, from budget_begin on */

    /* What is spent. */
    uint64_t fuel_spent;
    size_t bytes_used;
    size_t bytes_most; /** the highest that bytes_used has been */
    size_t taken_bytes;
    int64_t cpu_us_begun; /** budget_cpu_us at budget_begin; who waits within for another state's
                              run adds what that one has spent */

    enum budget_end end;
    int line; /** of the script, where it ended or memory was last refused; 0: unknown */

    /* Its own. */
    lua_State *state;
    uint64_t next_look_fuel; /** when the clock is looked at again */
};

/** A state without any library whose allocator and hook spend `budget`, which begins; nullptr when
 *  it is too small for an empty one. Ended by lua_close. */
lua_State *budget_open_state(struct budget *budget);
/** Nothing is spent yet, for a state that serves another turn. What it holds stays counted. */
void budget_begin(struct budget *budget);

struct budget *budget_of(lua_State *state);
/** Pays for work in C: a unit is about an instruction, some 10 ns, or BUDGET_BYTES_A_UNIT bytes
 *  copied. Every function of the view charges at least one unit, before it works. Raises when that
 *  is more than is left, or the state is dead. */
void budget_charge(lua_State *state, uint64_t units);
constexpr size_t BUDGET_BYTES_A_UNIT = 64;
/** As budget_charge for bytes that are copied or looked through. */
static inline void budget_charge_bytes(lua_State *state, size_t bytes)
{
    budget_charge(state, 1 + bytes / BUDGET_BYTES_A_UNIT);
}

/** Ends the budget and raises; what is to be said to people stays with the caller. */
[[noreturn]] void budget_stop(lua_State *state, enum budget_end end);
/** The line of the script that is running, 0 when there is none. */
int budget_line(lua_State *state);
/** What the process has computed for, in microseconds. */
int64_t budget_cpu_us(void);

/** For tests: the n-th allocation from now on in any state is refused, once or with all that follow
 *  (0: none), and they are counted anew. */
void budget_refuse_at(uint64_t nth, bool is_for_good);
uint64_t budget_growths(void);
