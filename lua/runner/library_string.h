/** library_string: the functions of `string` that have files of their own.
 *
 *  Thread  the only one.
 */
#pragma once

#include "library.h"

/** A first place, counted from 1, or from the end by a negative number; at least 1. */
size_t place_of(lua_Integer at, size_t len);

/* library_match.c */
int string_find(lua_State *state);
int string_match(lua_State *state);
int string_gmatch(lua_State *state);
int string_gsub(lua_State *state);

/* library_format.c */
int string_format(lua_State *state);
