/** jobs: long work as calls see it: begun with 202, looked at, cancelled.
 *
 *  A user sees his own jobs; who may change the firm's settings sees those of all.
 *  Floor   api, inside; functions of the table.
 *  Thread  reads: loop or worker; changes: the tenant's lane.
 */
#pragma once

#include "api/call.h"
#include "work/job.h"

/** In a lane: queues a job of this kind for who asks and answers 202 with it (answers =
 *  "202 job_begun"). It begins once that is durable. `given` is MessagePack. */
enum err reply_job(struct call *call, str kind, str given);
/** Answers with a job as it is: 202, or 200 where it is over. */
enum err reply_job_as_is(struct call *call, const struct job *job);

/** The job of the path, in call->txn, for what its lines tell: of another's, only to one who may
 *  everything. ERR_MISSING: also one that is not his to see. */
enum err jobs_find_told(struct call *call, struct job *job_out);
/** For reply_slices: the lines of the job of the path; its state is the number of the next chunk, a
 *  uint32_t. */
enum err jobs_lines_next(struct call *call, struct buf *slice, bool *is_over_out);

enum err jobs_list(struct call *call);
enum err jobs_read(struct call *call);
enum err jobs_results(struct call *call);
enum err jobs_cancel(struct call *call);
