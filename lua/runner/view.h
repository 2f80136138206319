/** view: all that the script of a rule can see, and the reference of it: one table of names.
 *
 *  Each name stands once, in the part of its file, with its signature, what it does and an example;
 *  the state is filled from it, the check at saving knows names by it, and the reference for
 *  authors is printed from it. So nothing can be there without being told, or the other way.
 *  Everything is built from empty tables, never from Lua's own libraries; nothing in it can install
 *  a metatable, load code, ask for time or chance of its own, show an address, or work longer than
 *  it has paid for in fuel.
 *  Thread  the only one.
 */
#pragma once

#include <lua.h>

#include "base/buf.h"

struct view_name {
    const char *table;     /** `date`; nullptr: a global */
    const char *name;      /** `add` */
    const char *signature; /** `date.add(day, {days=, months=, years=})` */
    const char *text;      /** a sentence or two */
    /** a line of Lua that is true, or nullptr: `date.days("2026-01-01", "2026-01-31") == 30` */
    const char *example;
    lua_CFunction function; /** nullptr: a value or object that the run sets */
};
/** The names of one file: library_*.c has functions over plain values, objects_*.c what belongs to
 *  the run. A file that is added gets a row in view.c. */
struct view_part {
    const struct view_name *names;
    uint32_t count;
    /** puts in place what is no name (the metatable of texts), or nullptr. The environment is on
     *  top of the stack and stays there. */
    void (*fill)(lua_State *state);
};
extern const struct view_part *const view_parts[];
extern const uint32_t view_part_count;

/** The row of a global (`table` empty), of a table's member, or nullptr. */
const struct view_name *view_find(str table, str name);
/** Whether there is a table of this name (`date`). */
bool view_has_table(str name);

/** Makes an environment of these parts alone and leaves it on the stack. Its tables only show what
 *  they have; those whose name a global function has too can be called. Inside a protected call. */
void view_fill(lua_State *state, const struct view_part *const *parts, uint32_t count);
/** Makes the environment of a fresh state and leaves it on the stack. Inside a protected call. The
 *  run's own values (record, now, …) are set by rule.c. What a userdatum of the view is, is told by
 *  its metatable's `__name`: `tostring` shows that, never an address; `pairs` asks `__pairs`. */
void view_push(lua_State *state);
/** The reference as JSON, what `atrium-runner --reference` writes: `{"names": [{"table": text or
 *  null, "name", "signature", "text", "example": text or null}]}`, in the order of the tables. */
void view_reference(struct buf *json);
