/** job_merge: merges records to which more refers than one change can move.
 *
 *  Floor   work.
 *  Thread  a job thread.
 */
#pragma once

#include "record/merging.h"
#include "work/job.h"

/** What such a job is asked to do: `given` is the body of the call, which merging_read took. */
str merge_job_given(struct task *task, const struct entity *entity, struct id survivor,
                    const struct value *given);
/** Of the kind `merge`. Result: {moved, dropped}. */
enum err merge_job_open(struct job_run *run);
enum err merge_job_step(struct job_run *run, bool *is_over_out);
