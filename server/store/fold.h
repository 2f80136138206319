/** fold: takes entries that nobody needs any more out of a change log, without breaking its chain.
 *
 *  In their place stands a gap: it says up to which sequence, and carries the chain on, keyed like
 *  the chain itself. What is folded cannot be read, undone or shown again.
 *
 *  Floor   store.
 *  Thread  one that may block: not a loop, a lane or the committer.
 */
#pragma once

#include "store/txn.h"

/** Folds all entries of a group, in slices; again after a kill it goes on. Whoever calls knows that
 *  no record, present or deleted, needs them. */
enum err fold_group(struct task *task, const struct space *space, struct id group);
