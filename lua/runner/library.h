/** library: what the functions of library_*.c share: arguments, results, and texts that grow.
 *
 *  A function of the library charges what it costs before it works, takes nothing that a Lua error
 *  would leave behind, and gives the same for the same arguments anywhere: no locale, no address,
 *  no order of a hash.
 *  Thread  the only one.
 */
#pragma once

#include <lauxlib.h>
#include <lua.h>

#include "base/limits.h"
#include "budget.h"
#include "view.h"

/** What one call may make; the state's memory is the other bound. */
constexpr size_t MADE_BYTES_MAX = 256 * KIB;
constexpr lua_Integer MADE_VALUES_MAX = 4096; /** results of one call */

/** The parts over plain values: what formulas see too. */
extern const struct view_part library_base, library_string, library_text, library_table,
    library_math, library_date, library_money;
/** All of these. */
constexpr uint32_t LIBRARY_PART_COUNT = 7;
extern const struct view_part *const library_parts[LIBRARY_PART_COUNT];

/** A text argument, paid for by its length; numbers are texts, as in Lua. */
str text_of(lua_State *state, int at);
/** The same, or `fallback` when it is nil or missing. */
str text_or(lua_State *state, int at, str fallback);
int push_text(lua_State *state, str text);
int push_nil(lua_State *state);
int push_boolean(lua_State *state, bool is_true);
/** A whole number as such where it fits. */
int push_whole(lua_State *state, double number);
/** Writes what `tostring` shows of the value on `at` to the top of the stack and gives it. */
str push_shown(lua_State *state, int at);
/** A list or map argument, by its raw length. */
lua_Integer list_of(lua_State *state, int at);
/** Bytes that go as garbage does. */
void *room_of(lua_State *state, size_t bytes);
/** An arena for what needs one within a function; emptied by the next that asks, so nothing is lost
 *  when an error leaves the function. */
struct arena *scratch_arena(void);

/** A text that is being made. (luaL_Buffer closes its box by lua_toclose, which is at fault in
 *  5.4.4.) It begins in the function's own frame and goes on in a userdatum. */
constexpr size_t MAKING_FAST_BYTES = 512;
struct making {
    lua_State *state;
    char *at;
    size_t len;
    size_t capacity;
    int slot; /** on the stack, of the userdatum */
    char fast[MAKING_FAST_BYTES];
};
/** Pushes the slot. */
void making_begin(struct making *making, lua_State *state);
/** Room for so many bytes more, which then count; an error past MADE_BYTES_MAX. */
char *making_room(struct making *making, size_t bytes);
void making_put(struct making *making, str text);
void making_put_byte(struct making *making, char byte);
/** Pushes what has been made; 1. */
int making_push(struct making *making);
