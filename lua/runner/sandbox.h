/** sandbox: all that a formula can see: the library of rules over plain values, and some functions
 *  over dates by short names.
 *
 *  Nothing in it can load code, ask for the time or keep anything from one evaluation to the next:
 *  its tables and its globals cannot be written.
 *  Thread  the only one.
 */
#pragma once

#include <lua.h>

/** Fills the globals of a fresh state. Inside a protected call. */
void sandbox_fill(lua_State *state);
