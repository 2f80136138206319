/** job_build: brings records up to date with a new model: the kind of job `build`.
 *
 *  One job walks all records of one entity, a stretch at a time, and lets record/ compute what is
 *  derived of them (record/rebuild.h). In the commit of its last stretch the fields that it was
 *  queued for are ready, or stripped when they were deleted.
 *
 *  Floor   work.
 *  Thread  one of those of jobs (work/job.h); queueing in a lane.
 *  Bytes   given: {"entity": number}; position: the id of the last record.
 */
#pragma once

#include "record/models.h"
#include "work/job.h"

/** For struct models_options. */
enum err build_queue(struct change *change, uint16_t entity, struct id *job);
/** A step of the kind. */
enum err build_step(struct job_run *run, bool *is_over_out);
