/** script: what a rule's source says without running it: which fields it reads and writes, and
 *  which names in it are none.
 *
 *  Follows `record`, `old`, what db gives, and locals that are set once to one of these; not what
 *  goes through tables and functions. So every use that it tells is one, but not every use is told.
 *  Thread  any.
 *  Memory  slices of the source, lists in the arena.
 */
#pragma once

#include "base/arena.h"

constexpr uint32_t SCRIPT_USES_MAX = 2000;

struct script_use {
    str entity; /** empty: the rule's own; `?`: not known */
    str field;  /** empty: the whole entity */
    bool is_write;
    uint32_t line, column;
};

struct script {
    uint32_t use_count; /** none twice; the first place of each */
    struct script_use *uses;
    /** the first name that is neither local, nor set by the script, nor of the view; empty: none.
     *  `date.ad`: a member that is not there; `:upcase`: a function of texts */
    str unknown;
    str nearest; /** what was probably meant, or empty */
    uint32_t line, column;
};

/** `source`: Lua takes it. */
void script_read(struct arena *arena, str source, struct script *script_out);
