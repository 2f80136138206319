/** trial: what a rule would do: on a record, on recorded changes, without writing anything.
 *
 *  A trial runs in a dry transaction, which is never handed in, on a runner of its own, by the same
 *  code as a change. What it would write is told as a difference, its effects as a list.
 *
 *  Floor   rules.
 *  Thread  any that may block, with no transaction open or a dry one of its own.
 *  Memory  the task's arena.
 */
#pragma once

#include "base/buf.h"
#include "rules/run.h"

/** Set in a chain while a trial runs: effects come here and not into the outbox, only this rule
 *  fires on the record itself, and runs use the runners for trials. */
struct trial {
    const struct rule *rule;
    uint32_t effect_count;
    struct trial_effect *effects; /** RULE_EFFECTS_MAX */
    bool has_run;
    struct id run;            /** of the rule itself, */
    struct run_result result; /** and what came of it */
    /** reads are of this time where that is possible: `get`; 0: now */
    int64_t at_ms;
    str seed;         /** 16 bytes; empty: as of any run */
    bool is_untraced; /** its runs leave no trace */
};
struct trial_effect {
    str kind;
    str given; /** encoded */
};

/** What a test is asked for (`POST /rules/test`), an encoded map: `id` or `record` (API values);
 *  `old`, `operation`, `actor`, `input`, `now`, `seed` may be said; `rule`: what it says instead
 *  of, or beside, the saved one; `version`: one of the saved one's. */
struct trial_asked {
    struct id rule; /** as saved, or built in; nil: `given` says all of it */
    struct value given;
    bool is_untraced;
};
/** Writes `{"outcome","fired","why","changes":[…],"effects":[…],"log":[…],"message","field","line",
 *  "problem","cost":{…},"run"}`. The view's transaction is dry, or what is written in it behind a
 *  savepoint of the caller's: nothing of it stays. ERR_INVALID: faults by field, of the rule too.
 *  ERR_MISSING: the record, or the rule. The trace is kept, so that it can be replayed and made a
 *  stored test. */
enum err trial_run(struct rules *rules, const struct view *view, const struct trial_asked *asked,
                   struct buf *json);

/** A rule by its id, as it is saved or built in, and its state; ERR_MISSING. */
enum err rule_find(struct rules *rules, const struct view *view, struct id id,
                   struct rule *rule_out, str *state_out);

/** Runs a stored test (a record of `rule_test`) of a rule that is about to say this, an encoded map
 *  of API values, instead of what is saved; behind a savepoint of the open transaction: nothing of
 *  it stays. Each member of the test's `expected` must be in the answer of trial_run: maps by the
 *  members named, lists item by item, the rest equal. *failure_out: empty, or what was expected and
 *  what came. ERR_FULL: no runner. */
enum err trial_test(struct rules *rules, const struct view *view, struct id rule, str values,
                    const struct record *test, str *failure_out);

/** What a kept run becomes as a record of `rule_test`: an encoded map of API values. `expected`,
 *  unless nil, is what must come of it instead of what came. ERR_MISSING: the run, what was said in
 *  it, or its rule. ERR_TOO_LARGE: it saw too much. */
enum err trial_keep(struct rules *rules, const struct view *view, struct id run, str name,
                    const struct value *expected, str *test_out);

/** Why a rule fires, or does not, on a record: what is asked is a map with `id`, the record as it
 *  is, or with `change` too, as that entry of the log changed it; or with `run`: as the change did
 *  in which that run was. Tells the first condition that is false, and the values seen. */
enum err trial_explain(struct rules *rules, const struct view *view, struct id rule,
                       const struct value *given, struct buf *json);

/** A back-test, in slices: over the changes of the rule's entity from one time to another. Record
 *  and old record are exactly what they were; `get` gives what was then, `find` and `count` what is
 *  now; what the rule writes, it writes upon what is now. */
constexpr uint32_t BACKTEST_EXAMPLES_MAX = 20;
constexpr uint32_t BACKTEST_EXAMPLES_OF_KIND_MAX = 7;
constexpr size_t BACKTEST_EXAMPLE_BYTES_MAX = 8 * KIB; /** of one; a longer one tells no changes */
constexpr uint32_t BACKTEST_SLICE_ENTRIES = 200;       /** of the rule's entity */
constexpr uint32_t BACKTEST_SLICE_LOOKED = 5000;       /** of any */
constexpr int64_t BACKTEST_SLICE_NS = 300'000'000;     /** then the others have their turn */

struct backtest {
    uint64_t position; /** sequence of the log: what stands before it was looked at */
    uint64_t end;      /** what stands from it on is not */
    uint64_t looked_at, fired, changed, rejected, failed, effects, erased;
    uint32_t kept_changed, kept_rejected, kept_failed; /** of the examples */
    uint32_t example_count;
    str examples; /** their encoded maps, one behind the other */
};
/** Where the changes from one time to another lie in the log: `position` and `end`. */
enum err backtest_begin(const struct view *view, int64_t from_ms, int64_t to_ms,
                        struct backtest *backtest_out);
/** The next slice; *is_over_out at the end. Opens its own dry transaction on the space of `view`.
 *  ERR_FULL: none can be run now; what was looked at before stands. */
enum err backtest_step(struct rules *rules, const struct view *view, const struct rule *rule,
                       struct backtest *backtest, bool *is_over_out);
