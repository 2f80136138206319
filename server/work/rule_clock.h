/** rule_clock: rules that run by the clock: which are due, and the jobs that run them.
 *
 *  A rule with `every` is due once in each hour, day, week (from Monday) or month, by UTC: at the
 *  first look in it. A server that was off in some of them runs it once. A built-in one begins
 *  with the first that comes after the firm was made. When it was begun last is noted in the
 *  commit that makes the job; while that job is not over, the next one waits.
 *
 *  Floor   work; rests on rules, record, model, store, value, base.
 *  Thread  any that may block, with no transaction open.
 *  Bytes   tenant's space, SYSTEM_RULES: `ran` and the rule's id → [ms, job].
 */
#pragma once

#include "work/job.h"

struct rules;

/** `ran_ms` 0: never. False also for a word that is none. */
bool rule_is_due(str every, int64_t ran_ms, int64_t now_ms);

/** Begins what is due for this tenant; *has_job_out: jobs have to be woken. */
enum err rules_by_clock(struct task *task, const struct access *access, struct rules *rules,
                        const struct space *space, bool *has_job_out);
