/** import_job: an import as a job: its table is an upload, each turn commits rows and position
 *  together, the failed rows are the job's lines.
 *
 *  Floor   work.
 *  Thread  a job thread.
 *  Bytes   given: import_request; position: import_position; lines: the failed rows, the first
 *          chunk with their header.
 */
#pragma once

#include "work/job.h"

enum err import_job_open(struct job_run *run);
enum err import_job_step(struct job_run *run, bool *is_over_out);
void import_job_close(struct job_run *run);

/** Uploads whose time is over. */
enum err uploads_upkeep(struct task *task, const struct access *access, const struct space *space);
