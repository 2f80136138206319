/** builtin: the rules that come with the product, as their files in lua/rules/ say them.
 *
 *  Floor   rules.
 *  Thread  any.
 *  Bytes   the form of lua/runner/rules_file.h; attributes are API values of the entity `rule`.
 */
#pragma once

#include "base/buf.h"
#include "rules/rules.h"

/** What the rule of this name says: a map; false when there is none. */
bool builtin_find(str builtin, str name, struct value *attributes_out);
/** Their names, with commas between. */
void builtin_names(str builtin, struct buf *names);
/** `{"data":[{"builtin", …what it says…, "in_place": {"id","name","state"} or null}]}`. */
enum err builtin_write(const struct view *view, str builtin, struct buf *json);
