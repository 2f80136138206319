/** forget: the history of what never was: groups that were undone whole, whose records are gone.
 *
 *  An import that was undone leaves its records' making and unmaking in the log, twice as large as
 *  the records were. When the data is compacted those entries are folded (store/fold.h), if no
 *  record, present or deleted, is explained by them: each record that the group or its undo touched
 *  is not there, and nobody else ever touched it. Such a group cannot be shown or redone then.
 *
 *  Floor   record.
 *  Thread  one that may block, with nobody else at work.
 */
#pragma once

#include "record/group.h"

/** Folds all such groups of a tenant. */
enum err forget_undone(struct task *task, const struct space *space, uint64_t *groups_out);
