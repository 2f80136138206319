/** view: all that the script of a rule can see, and the reference of it: one table of names.
 *
 *  Each name stands once, in `view_names`, with its signature, what it does and an example; the
 *  state is filled from it, the check at saving knows names by it, and the reference for authors is
 *  printed from it. So nothing can be there without being told, or told without being there.
 *  Everything is built from empty tables, never from Lua's own libraries; nothing in it can install
 *  a metatable, load code, ask for time or chance of its own, show an address, or work longer than
 *  it has paid for in fuel.
 *  Thread  the only one.
 */
#pragma once

#include <lua.h>

#include "base/buf.h"

struct rule_run;

struct view_name {
    const char *table;     /** `date`; nullptr: a global */
    const char *name;      /** `add` */
    const char *signature; /** `date.add(day, {days=, months=, years=})` */
    const char *text;      /** a sentence or two */
    const char *
    /** a line of Lua that is true, or nullptr: `date.days("2026-01-01", "2026-01-31") == 30` */
        example;
    lua_CFunction function; /** nullptr: a value or object that the run sets */
};
extern const struct view_name view_names[];
extern const uint32_t view_name_count;

/** Fills the environment of a fresh state and leaves it on the stack. Inside a protected call. The
 *  run's own objects (record, db, …) are set by rule.c. */
void view_push(lua_State *state, struct rule_run *run);
/** The reference as JSON: what `atrium-runner --reference` writes. */
void view_reference(struct buf *json);
