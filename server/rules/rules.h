/** rules: a tenant's own rules on every change: which run, in what order, what came of them.
 *
 *  For each rule of the record's entity and the point, in order: the operation, `changed` and
 *  `when` are decided here, without Lua; so is what a rule without a script does. A script runs in
 *  a runner (rules/run.h), one rule a question, for the next rule's condition sees what this one
 *  made. A rule does not fire on what it has itself just written; a record that the engine wrote
 *  fires only rules which name one of the written fields in `changed`.
 *
 *  Whoever acts, a rule sees all of the tenant but secrets, and writes all but what decides who may
 *  what and what there is: users, settings, rules, the tenant's own entities, fields and choices.
 *
 *  Floor   rules; rests on record, model, store, value, base.
 *  Thread  that of the change.
 */
#pragma once

#include "rules/rule.h"
#include "rules/runner.h"

struct traces;
struct rules;

struct rules_options {
    struct runners *runners;
    const struct formulas *formulas;
    const struct model *model; /** the schema's own */
    str builtin;               /** see rule_sets_open */
    struct traces *traces;     /** or nullptr: runs leave none */
};
enum err rules_open(struct task *task, const struct rules_options *options,
                    struct rules **rules_out);
void rules_close(struct rules *rules);
/** With the formulas; for every change. */
const struct hooks *rules_hooks(const struct rules *rules);
struct rule_sets *rules_sets(const struct rules *rules);
struct runners *rules_runners(const struct rules *rules);
/** What rules_options gave. */
str rules_builtin(const struct rules *rules);
struct traces *rules_traces(const struct rules *rules);

/** What rules did in the changes of a dry run, for a preview: runs leave no trace then, and what is
 *  to follow is only counted. */
constexpr uint32_t RULE_TALLY_MAX = 200; /** rules that are told */
struct rule_tallied {
    struct id rule;
    str name;
    enum rule_point point;
    enum rule_in_imports in_imports;
    uint64_t run_count; /** settled: how often it would run if it did so for each record */
    uint64_t set_count, rejected_count, failed_count, mail_count;
};
struct rule_tally {
    struct arena *arena; /** of the names */
    uint32_t count;
    struct rule_tallied rules[RULE_TALLY_MAX];
};

/** What the rules of a change have spent and caused. Made at its first rule; before that by who
 *  begins a change that a rule caused. */
struct rule_chain {
    const struct rule_set *set;
    /** by which road the change came, as rules are told: `api`, `import`, `bulk`, `job`; empty:
     *  `api`, or `import`. What a rule writes came by `rule`. */
    str through;
    uint32_t depth;       /** rules that are running, of changes before this one too */
    uint32_t cause_count; /** of those the first RULE_DEPTH_MAX: who caused whom */
    struct id causes[RULE_DEPTH_MAX];
    struct id causes_runs[RULE_DEPTH_MAX];
    bool is_import;
    /** records that somebody writes, each of which begins a chain: what follows is bounded for each
     *  of them, so that many in one change may cause what each of them may alone */
    uint32_t head_count;
    uint32_t write_count;
    uint32_t effect_count;
    uint32_t mail_count;
    uint64_t fuel;
    int64_t cpu_us;
    struct talk *talk;        /** while a rule runs: those that it causes run in it */
    struct trial *trial;      /** a dry run (rules/trial.h), or nullptr */
    struct rule_tally *tally; /** a dry run of many changes, or nullptr */
    uint32_t next_effect;     /** numbers effects, so that they have the same ids when run again */
    /* kept by rules/firing.h */
    struct rule_writer *writer; /** whose write is under way */
    struct rule_write *writes;  /** what rules have written, newest first */
    struct run *run;            /** the innermost script that is running */
    struct scope scope;         /** of rules, whoever acts */
    str actor;                  /** an encoded map of who acts; empty: not asked for yet */
    bool is_contact;            /** who acts is a client's, at the portal */
    bool is_over;               /** a limit of all of it was passed: the change fails */
    bool is_silent;             /** the runner of its talk is gone */
};
/** The chain of this change, made when there is none. */
struct rule_chain *rule_chain_of(struct change *change);
/** Who caused what runs now: an encoded list of rule and run in turn (id bytes), for an entry of
 *  the outbox; and back, into the chain of a change that follows from it. False: it is none. */
void rule_causes_write(struct buf *out, const struct rule_chain *chain);
bool rule_causes_read(const struct value *causes, struct rule_chain *chain);

/** What was asked of a rule that runs by itself: settled, schedule, action, once of an import. */
struct rule_alone {
    const struct rule *rule;
    struct id run; /** its id, that of the entry of the outbox; nil: a new one */
    enum operation operation;
    struct id record;  /** nil: none (once of an import) */
    str record_values; /** settled: as it was then (record_values); empty: as it is now */
    str old_values;    /** settled; else empty */
    str changed;       /** settled: an encoded list of names; else empty */
    str input;         /** action: an encoded map; import: what it did; else empty */
};
/** Runs it inside a change of its own, which the caller ends: whatever it writes is in it. The rule
 *  may write its record by db.update; an `action` may set its fields as `before` does. Its
 *  condition is asked first, but of a settled rule, where that was done then: *has_fired_out.
 *  ERR_REJECTED, or the error of its failure, with task->fault.rule. */
enum err rules_run_alone(struct rules *rules, struct change *change, const struct rule_alone *alone,
                         bool *has_fired_out);

/** What HOOK_SETTLED puts into the outbox, kind `settled`: a MessagePack map `rule` (id bytes),
 *  `entity` (name), `record`, `operation`, `values`, `old`, `changed`, `actor`, `through`,
 *  `causes`, `cause`, `group`. Effects of scripts: kind `mail`, `task`, `notify`, `webhook`,
 *  `start`; a map `rule`, `run`, `record`, `entity`, `causes`, `given` (what the script said),
 *  `actor`, `through`, `cause`, `group`. Their ids follow from run and place, so that an effect is
 *  never there twice. */
constexpr size_t EFFECT_BYTES_MAX = 64 * KIB;

/** What an import was told to do with a rule. */
struct settled_choice {
    struct id rule;
    enum rule_in_imports choice;
};
