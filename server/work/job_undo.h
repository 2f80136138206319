/** job_undo: takes a large group of changes back, newest first, some of its changes in each step.
 *
 *  Floor   work.
 *  Thread  a job thread; undo_job_begin: a lane.
 */
#pragma once

#include "record/undo.h"
#include "work/job.h"

/** In a lane, inside a change: queues the job and notes the group as undone by it. */
enum err undo_job_begin(struct task *task, struct txn *txn, const struct scope *scope,
                        struct id group, struct job *job_out);
/** Of the kind `undo`. Result: {changed, deleted, restored, kept_count}; what is kept comes as
 *  lines. */
enum err undo_job_open(struct job_run *run);
enum err undo_job_step(struct job_run *run, bool *is_over_out);
