/** expression: a formula's source: one Lua expression over the fields of `record`.
 *
 *  The fields are found by reading the words of the source, so `record` stands only in front of
 *  `.name` or `["name"]`; that is all that an evaluation is then given.
 *  Thread  one at a time.
 */
#pragma once

#include <lua.h>

#include "base/arena.h"

constexpr size_t EXPRESSION_BYTES_MAX = 4096;
constexpr uint32_t EXPRESSION_NAMES_MAX = 64;

struct expression_names {
    uint32_t count; /** none twice */
    str names[EXPRESSION_NAMES_MAX];
};

/** False with the reason, a sentence. The names are slices of `source`. */
bool expression_names(str source, struct expression_names *names_out, const char **why_out);

/** Pushes a function that takes the record and returns the value, or what is wrong; the status of
 *  lua_load. Text only, never a binary chunk. */
int expression_load(lua_State *state, struct arena *arena, str source);
