/** values: what the server sends as Lua sees it, and back.
 *
 *  Maps and lists become plain tables (a member without a value is absent), texts, numbers and
 *  booleans what they are; whole numbers stay whole, so that all 64 bits of them survive. Back, a
 *  table is a list or a map, never both; numbers are finite, texts are UTF-8, and maps are written
 *  in the order of their keys, so that the same values always make the same bytes. A record stands
 *  for its id.
 *  Thread  the only one.
 *  Errors  Lua's; all inside a protected call. What is pushed or packed is paid for (budget.h).
 */
#pragma once

#include <lua.h>

#include "value/value.h"

constexpr int VALUES_DEPTH_MAX = 24;            /** tables in tables; a frame holds some more */
constexpr uint32_t VALUES_ENTRIES_MAX = 20'000; /** of one table */

void values_push(lua_State *state, const struct value *value);

/** What a script hands over besides plain values. */
enum values_extra : uint8_t {
    VALUES_PLAIN,
    VALUES_WITH_SECRETS, /** a secret stands for its name, which only the server can look up */
};

/** Writes the value at a place of the stack. Faults are raised as errors that begin with `what`
 *  in quotes: the field, or the word of an argument. */
void values_pack(lua_State *state, int at, struct buf *out, str what, enum values_extra extra);

/* Userdata that stand for values. Their metatables have these names, which is all that a script is
 * ever shown of them. */
#define VALUES_NULL "null"
#define VALUES_SECRET "secret"

struct values_secret {
    size_t len;
    char name[];
};

/** Makes their metatables and pushes `null`, which stands for no value where a table's member has
 *  to say so. */
void values_open(lua_State *state);
/** Whether `null` stands at that place. */
bool values_is_null(lua_State *state, int at);
/** Pushes a metatable of that name that shows nothing, for a userdatum of the view. */
void values_new_metatable(lua_State *state, const char *name);

/** What people may read of any bytes: control bytes become blanks, what is no UTF-8 a `?`, at most
 *  `bytes_max`, cut between characters. */
void values_put_plain(struct buf *out, str text, size_t bytes_max);
