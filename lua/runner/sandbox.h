/** sandbox: all that a formula can see: a handful of functions over numbers, texts and dates.
 *
 *  Built from empty tables, never from Lua's own libraries. Nothing in it can install a metatable,
 *  load code, match a pattern, ask for the time or keep anything from one evaluation to the next:
 *  its tables cannot be written. Each function takes a time that is bounded by the size of its
 *  arguments.
 *  Thread  the only one.
 */
#pragma once

#include <lua.h>

/** Fills the globals of a fresh state. Inside a protected call. */
void sandbox_fill(lua_State *state);
