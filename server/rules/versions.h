/** versions: what a rule said at one time: the numbers, the way back, and what is other.
 *
 *  Floor   rules.
 *  Thread  that of the transaction.
 *  Memory  the task's arena.
 */
#pragma once

#include "base/buf.h"
#include "rules/saving.h"

/** That of a version, or of what a rule says now; 0: none. */
int64_t version_number(const struct record *version);
/** The newest number that the rule's versions have; 0: it has none. */
enum err versions_newest(const struct view *view, struct id rule, int64_t *number_out);
/** In a change that has written the rule: keeps what it says as the version of this number. */
enum err version_keep(struct change *change, struct draft *rule, int64_t number);
/** In a change that has made a version: beyond RULE_VERSIONS_MAX the oldest goes. */
enum err versions_trim(struct change *change, struct id rule);
/** The version of this number. ERR_MISSING. */
enum err version_find(const struct view *view, struct id rule, int64_t number,
                      struct record *version_out);

/** Makes the rule say what that version says, and active; number 0: active as it is. ERR_MISSING:
 *  no such rule or version; and as record_patch. */
enum err version_activate(struct change *change, struct id rule, int64_t number);

/** `{"from","to","fields":{"when":{"from":…,"to":…}},"source":[{"op":"same"|"removed"|"added",
 *  "from_line","to_line","text"}]}`; number 0: what the rule says now. ERR_MISSING. */
enum err version_difference(const struct view *view, struct id rule, int64_t from, int64_t to,
                            struct buf *json);

/** The lines of two texts as such a list. Of texts that have next to nothing in common, one whole
 *  is removed and the other added. */
void lines_difference(struct buf *json, struct arena *arena, str from, str to);
