/** job_rekey: what lies under a tenant's older data keys is sealed anew, in slices, under its
 *  newest; keys that nothing needs any more are destroyed.
 *
 *  Records first, then system rows and the outbox. What the log holds is never written again, for
 *  its chain goes over it: a key stays as long as an entry of the log lies under it, and all stay
 *  while there are uploads. The next change of the key looks again.
 *
 *  Floor   work.
 *  Thread  a job's.
 */
#pragma once

#include "work/job.h"

/** In a lane: adds a data key, which seals from now on, and queues the job. ERR_CONFLICT: the
 *  tenant has as many keys as it may, all of them needed by its history. */
enum err rekey_begin(struct task *task, struct txn *txn, struct job *job_out);

enum err rekey_open(struct job_run *run);
/** Result: {sealed: records, kept: keys that the log or an upload needs, dropped: keys}. */
enum err rekey_step(struct job_run *run, bool *is_over_out);
