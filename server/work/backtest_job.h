/** backtest_job: a rule run over the recorded changes of a period, slice by slice; nothing of it is
 *  written but the job's own row.
 *
 *  Floor   work.
 *  Thread  backtest_job_begin: a lane; the rest: a job thread.
 *  Bytes   given: map rule (id bytes), values (of the rule as it was then), version, from, to;
 *          position: list of the first sequence, the next, and the end; result: see
 *          rules/trial.h.
 */
#pragma once

#include "work/job.h"

struct backtest_asked {
    struct id rule;
    int64_t version; /** 0: as the rule stands */
    int64_t from_ms, to_ms;
};
/** Queues it. ERR_MISSING: the rule or version. ERR_INVALID: it does not run on changes, or cannot
 *  run. */
enum err backtest_job_begin(struct rules *rules, const struct view *view,
                            const struct backtest_asked *asked, struct job *job_out);
enum err backtest_job_step(struct job_run *run, bool *is_over_out);
