/** run: one script of one rule on one record, in a runner that asks back. Internal to rules/.
 *
 *  What a runner says is never believed: each question is read, bounded and answered from the
 *  change's transaction, each value that it gives is checked as one that somebody sends. The frames
 *  stand in lua/runner/rule.h.
 *
 *  Floor   rules.
 *  Thread  that of the change.
 *  Memory  the task's arena.
 */
#pragma once

#include "rules/rules.h"

enum run_outcome : uint8_t {
    RUN_DONE,
    RUN_REJECTED,
    RUN_FAILED,  /** an error in the script, or what it asked for was refused */
    RUN_OVERRAN, /** fuel, memory or time; counted: RULE_OVERRUNS_MAX */
};
str run_outcome_word(enum run_outcome outcome);

struct run_asked {
    const struct rule *rule;
    struct id id; /** of the run */
    enum operation operation;
    struct id record;
    str values; /** encoded maps (draft_values); empty: there is none */
    str old;
    str changed; /** an encoded list of field names */
    str input;   /** an encoded map, or empty */
};

struct run_result {
    enum run_outcome outcome;
    str changes;   /** before, action: an encoded map of the fields it set; else empty */
    str message;   /** of a rejection or failure: at most RULE_MESSAGE_BYTES_MAX, valid text */
    str field;     /** of a rejection, or empty */
    uint32_t line; /** of a failure; 0: none */
    str log;       /** an encoded list of texts */
    uint64_t fuel;
    size_t bytes; /** the most memory that it had */
    int64_t cpu_us, wall_us;
    uint32_t question_count;
    /** All that was said, for a replay: an encoded list of the frames, ours and the runner's in
     *  turn; empty: too long to be kept (RUN_TALK_BYTES_MAX) */
    str talk;
};
constexpr size_t RUN_TALK_BYTES_MAX = 256 * KIB;

/** Runs it; what it wrote is in the change, or all of it taken back (a savepoint) unless RUN_DONE.
 *  ERR_FULL: no runner; ERR_LIMITED: the tenant's quota of rule time is spent. Every other end is
 *  in the result. */
enum err run_script(struct rules *rules, struct change *change, const struct run_asked *asked,
                    struct run_result *result_out);

/** In the tenant's space: whether its rules may compute now. ERR_LIMITED: its quota is spent. */
enum err rule_time_ask(struct rules *rules, struct txn *txn, enum runner_use use);

/** Says the same to a fresh runner and compares what it says with what was said then, byte for
 *  byte. *is_same_out; when not, *difference_out tells the first difference. */
enum err run_replay(struct rules *rules, struct task *task, const struct space *space, str talk,
                    bool *is_same_out, str *difference_out);
