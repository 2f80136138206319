/** sweep: deletes system rows that have had their time: ended sessions, old answers and the like.
 *
 *  Floor   store.
 *  Thread  one that may block: not a loop, a lane or the committer.
 */
#pragma once

#include "store/txn.h"

constexpr uint32_t SWEEP_ROWS_MAX = 500; /** looked at in one snapshot, deleted in one change */

/** Deletes those rows of a kind for which `is_over` says so, asked again in the lane. Walks all of
 *  them in slices, a fresh snapshot each, so that others' changes get in between. A row's value is
 *  never longer than what an arena of TASK_ARENA_BYTES_MAX takes SWEEP_ROWS_MAX times. */
enum err system_sweep(struct task *task, const struct space *space, enum system_row row,
                      bool (*is_over)(str value, int64_t now_ms), uint64_t *deleted_out);
