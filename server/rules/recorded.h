/** recorded: a run as it was kept, as a stored test of its rule. Internal to rules/.
 *
 *  What was said in a run (rules/run.h) becomes what it was asked for (`given`: values, old,
 *  changed, operation, actor, input, now, seed), what it was answered (`answers`: a list of
 *  questions, each with `ask` and `say`), and what must come of it. Run again the script gets these
 *  answers and no others, so that its test says the same whatever becomes of the firm's records.
 *
 *  Floor   rules.
 *  Thread  any that may block.
 *  Memory  the task's arena.
 */
#pragma once

#include "base/buf.h"
#include "rules/trace.h"

struct recorded_test {
    str given, answers, expected; /** encoded maps */
};
/** ERR_CORRUPT: it is no talk. ERR_TOO_LARGE: it says more than a test can hold. A run that failed
 *  makes a test that it must not. */
enum err recorded_read(struct task *task, const struct trace *trace, str talk,
                       struct recorded_test *test_out);

/** Runs the rule so; writes what trial_run would. ERR_FULL, ERR_LIMITED: no runner. */
enum err recorded_run(struct rules *rules, const struct view *view, const struct rule *rule,
                      const struct value *given, const struct value *answers, struct buf *json);
