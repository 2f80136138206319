/** job_delete: deletes a record under which more lies than one change can delete.
 *
 *  Floor   work.
 *  Thread  a job thread.
 */
#pragma once

#include "record/record.h"
#include "work/job.h"

/** What such a job is asked to do. */
str delete_job_given(struct task *task, const struct entity *entity, struct id id);
/** Of the kind `delete`. Result: {deleted}, with what was detached. */
enum err delete_job_open(struct job_run *run);
enum err delete_job_step(struct job_run *run, bool *is_over_out);
