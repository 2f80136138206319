/** duplicates_scan: the job that looks through all records of an entity for those that may be one.
 *
 *  Each pair that it finds is a record of the entity that the schema names for it, `open` until
 *  somebody decides. A pair that was decided stays so; an open one that is alike no more goes.
 *  Archived records are not looked at.
 *  Whatever it has written it finds again: after a kill it begins anew and writes nothing twice.
 *
 *  Floor   work.
 *  Thread  a job thread.
 *  Bytes   given: entity number; result: {"pairs", "new", "gone", "more"}.
 */
#pragma once

#include "work/job.h"

enum err duplicates_scan_open(struct job_run *run);
enum err duplicates_scan_step(struct job_run *run, bool *is_over_out);
void duplicates_scan_close(struct job_run *run);
