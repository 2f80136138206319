/** builtin: the rules that come with the product, as their files in lua/rules/ say them.
 *
 *  Floor   rules.
 *  Thread  any.
 *  Bytes   the form of lua/runner/rules_file.h; attributes are API values of the entity `rule`.
 */
#pragma once

#include "base/buf.h"
#include "record/record.h"

/** One by one, in the order of their names. */
struct builtin_walk {
    struct cursor cursor;
    uint32_t left;
};
struct builtin_one {
    str name;                /** what `builtin` of a record calls it */
    struct value attributes; /** what it says: a map */
};
struct builtin_walk builtin_begin(str builtin);
bool builtin_next(struct builtin_walk *walk, struct builtin_one *one_out);
/** The same in every tenant and after every start. */
struct id builtin_id(str name);

/** What the rule of this name says: a map; false when there is none. */
bool builtin_find(str builtin, str name, struct value *attributes_out);
/** Their names, with commas between. */
void builtin_names(str builtin, struct buf *names);
/** `{"data":[{"id","builtin", …what it says…, "in_place": {"id","name","state"} or null}]}`. */
enum err builtin_write(const struct view *view, str builtin, struct buf *json);
