#include "budget.h"

#include <lauxlib.h>
#include <stdckdint.h>
#include <time.h>

#include "base/require.h"

/* A tight loop costs the same with a hook each 100 instructions as with one each 10,000. */
constexpr int INSTRUCTIONS_A_HOOK = 100;
/* Telling the process's time is a system call, some 300 ns; with memory at its cap one instruction
 * may take 50 µs. */
constexpr uint64_t FUEL_A_LOOK = 1000;
constexpr int LEVELS_MAX = 16; /** of C functions above the line of the script */

int64_t budget_cpu_us(void)
{
    struct timespec spent = {};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (int64_t)spent.tv_sec * 1'000'000 + spent.tv_nsec / 1000;
}

int budget_line(lua_State *state)
{
    lua_Debug here;
    for (int level = 0; level < LEVELS_MAX && lua_getstack(state, level, &here) != 0; level++)
        if (lua_getinfo(state, "l", &here) != 0 && here.currentline > 0) return here.currentline;
    return 0;
}

/* For tests: allocations that go on well before one is refused, and whether all after it are. */
static uint64_t refused_in;
static bool is_refused_for_good;
static uint64_t growth_count;

void budget_refuse_at(uint64_t nth, bool is_for_good)
{
    refused_in = nth;
    is_refused_for_good = is_for_good;
    growth_count = 0;
}

uint64_t budget_growths(void)
{
    return growth_count;
}

static bool is_refused(void)
{
    growth_count++;
    if (refused_in == 0) return false;
    if (refused_in > 1) {
        refused_in--;
        return false;
    }
    if (!is_refused_for_good) refused_in = 0;
    return true;
}

/** Whether that many bytes more may be taken now; then they are counted. */
static bool count_bytes(struct budget *budget, size_t old_bytes, size_t new_bytes)
{
    require(old_bytes <= budget->bytes_used);
    size_t others_bytes = budget->bytes_used - old_bytes;
    /* What shrinks never fails: Lua rests on that. */
    if (new_bytes > old_bytes) {
        size_t more = new_bytes - old_bytes;
        if (is_refused()) return false;
        if (new_bytes > budget->bytes_max || others_bytes > budget->bytes_max - new_bytes)
            return false;
        if (budget->taken_bytes_max > 0 && more > budget->taken_bytes_max - budget->taken_bytes)
            return false;
        budget->taken_bytes += more;
    }
    budget->bytes_used = others_bytes + new_bytes;
    if (budget->bytes_used > budget->bytes_most) budget->bytes_most = budget->bytes_used;
    return true;
}

static void *spend_memory(void *owner, void *old, size_t old_bytes, size_t new_bytes)
{
    struct budget *budget = owner;
    /* Without an old block Lua passes the kind of object in its size. */
    if (old == nullptr) old_bytes = 0;
    if (!count_bytes(budget, old_bytes, new_bytes)) {
        if (budget->state != nullptr) budget->line = budget_line(budget->state);
        return nullptr;
    }
    if (new_bytes > 0) return memory_resize(old, new_bytes);
    memory_give(old);
    return nullptr;
}

static const char *what_ended(enum budget_end end)
{
    switch (end) {
    case BUDGET_FUEL:
        return "takes too many steps";
    case BUDGET_TIME:
        return "takes too much time";
    case BUDGET_MEMORY:
        return "needs too much memory";
    case BUDGET_LEFT:
    case BUDGET_STOPPED:
        break;
    }
    return "has ended";
}

static void fire(lua_State *state, lua_Debug *)
{
    budget_charge(state, INSTRUCTIONS_A_HOOK);
}

/** The message is made of what is at hand: a state without memory could not hold a new one, and
 *  that is a memory error, which is as good. */
[[noreturn]] static void raise_end(lua_State *state)
{
    lua_Debug here;
    const char *what = what_ended(budget_of(state)->end);
    bool is_placed = false;
    for (int level = 0; !is_placed && level < LEVELS_MAX; level++) {
        if (lua_getstack(state, level, &here) == 0) break;
        is_placed = lua_getinfo(state, "Sl", &here) != 0 && here.currentline > 0;
    }
    if (is_placed) lua_pushfstring(state, "%s:%d: %s", here.short_src, here.currentline, what);
    else lua_pushstring(state, what);
    (void)lua_error(state);
    require(false);
}

void budget_stop(lua_State *state, enum budget_end end)
{
    struct budget *budget = budget_of(state);
    require(end != BUDGET_LEFT);
    if (budget->end == BUDGET_LEFT) {
        budget->end = end;
        if (end != BUDGET_MEMORY) budget->line = budget_line(state);
        lua_sethook(state, fire, LUA_MASKCOUNT, 1);
    }
    raise_end(state);
}

/** Looks at the clock; whether there is time left. */
static bool has_time(struct budget *budget)
{
    budget->next_look_fuel = budget->fuel_spent + FUEL_A_LOOK;
    return budget->cpu_us_max == 0 || budget_cpu_us() - budget->cpu_us_begun <= budget->cpu_us_max;
}

void budget_charge(lua_State *state, uint64_t units)
{
    struct budget *budget = budget_of(state);
    if (budget->end != BUDGET_LEFT) raise_end(state);
    if (units > budget->fuel_max - budget->fuel_spent) {
        budget->fuel_spent = budget->fuel_max;
        budget_stop(state, BUDGET_FUEL);
    }
    budget->fuel_spent += units;
    if (budget->fuel_spent >= budget->next_look_fuel && !has_time(budget))
        budget_stop(state, BUDGET_TIME);
}

struct budget *budget_of(lua_State *state)
{
    void *owner;
    (void)lua_getallocf(state, &owner);
    return owner;
}

void budget_begin(struct budget *budget)
{
    require(budget->fuel_max > 0);
    budget->fuel_spent = 0;
    budget->taken_bytes = 0;
    budget->bytes_most = budget->bytes_used;
    budget->cpu_us_begun = budget->cpu_us_max > 0 ? budget_cpu_us() : 0;
    budget->next_look_fuel = FUEL_A_LOOK;
    budget->end = BUDGET_LEFT;
    budget->line = 0;
    if (budget->state != nullptr)
        lua_sethook(budget->state, fire, LUA_MASKCOUNT, INSTRUCTIONS_A_HOOK);
}

lua_State *budget_open_state(struct budget *budget)
{
    require(budget->bytes_max > 0);
    budget->bytes_used = 0;
    budget->state = nullptr;
    budget_begin(budget);
    budget->state = lua_newstate(spend_memory, budget);
    if (budget->state != nullptr)
        lua_sethook(budget->state, fire, LUA_MASKCOUNT, INSTRUCTIONS_A_HOOK);
    return budget->state;
}
