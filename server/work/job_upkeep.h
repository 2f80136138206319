/** job_upkeep: what keeps the rows of a tenant from piling up. Rows of the table of upkeep.
 *
 *  Floor   work, inside.
 *  Thread  a job thread; blocks.
 */
#pragma once

#include "work/job.h"

/** Ended jobs older than JOB_KEPT_MS or beyond JOBS_KEPT_MAX, at most JOBS_FORGOTTEN_MAX a run. */
enum err job_upkeep(struct task *task, const struct access *access, const struct space *space);
/** Traces of runs that have had their time (rules/trace.h). */
enum err traces_upkeep(struct task *task, const struct access *access, const struct space *space);
