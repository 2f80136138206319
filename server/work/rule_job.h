/** rule_job: one rule over all records that it is meant for, as a job of the kind `rule`: by the
 *  clock (work/rule_clock.h) or because somebody asked for it.
 *
 *  The records that were there when the job began, in the order of their making, but for archived
 *  ones where the rule's condition does not speak of them. Each is one change, in the job's group,
 *  behind a savepoint of its own; the place is committed with it.
 *
 *  Floor   work; rests on rules, record, model, store, value, base.
 *  Thread  rule_job_begin: a lane; the rest: a job thread.
 *  Bytes   given: id of the rule, or a list of it and who caused the job (rule_causes_write);
 *          position: [last id, looked at, fired, changed, rejected, failed,
 *          examples]; result: {"rule", "looked_at", "fired", "changed", "rejected", "failed",
 *          "examples": [{"record", "outcome", "message", "field", "run", "rule"}]}.
 */
#pragma once

#include "work/job.h"

struct rule_chain;

constexpr uint32_t RULE_JOB_EXAMPLES_MAX = 20;

/** `scope` nullptr: by the clock, as the server itself. `causes` nullptr: no rule has begun it;
 *  else what follows counts as caused by those of the chain, so that rules which begin each
 *  other's jobs come to an end. */
enum err rule_job_begin(struct task *task, struct txn *txn, const struct scope *scope,
                        struct id rule, const struct rule_chain *causes, struct job *job_out);

enum err rule_job_open(struct job_run *run);
enum err rule_job_step(struct job_run *run, bool *is_over_out);
void rule_job_close(struct job_run *run);
