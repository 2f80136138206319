/** key_order: the keys of a table in an order that does not rest on hashes: false, true, numbers,
 *  then texts by their bytes.
 *
 *  Thread  the only one.
 */
#pragma once

#include <lua.h>

/** `pairs`: pushes a function that gives the pairs of the table on `at`, as they are when it is
 *  asked for each, by the order of the keys that there are now. Charged by their number. */
void key_order_push(lua_State *state, int at);
/** `next`: replaces the key on top of the stack by the one that follows it (nil: the first); false
 *  when there is none, then it is popped. */
bool key_order_next(lua_State *state, int at);
