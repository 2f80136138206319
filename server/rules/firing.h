/** firing: what rules.c, run.c, answer.c and their neighbours share. Internal to rules/.
 *
 *  Floor   rules.
 *  Thread  that of the change.
 *  Memory  the task's arena.
 */
#pragma once

#include "rules/run.h"

struct rules {
    struct rules_options options;
    struct rule_sets *sets;
    struct hooks hooks;
};

/** A rule whose write is under way, and the one that caused it. */
struct rule_writer {
    const struct rule *rule;
    struct id run;
    struct rule_writer *outer;
};

/** One record that a rule has written, and who had caused that rule. */
struct rule_write {
    const struct entity *entity;
    struct id record;
    struct id rule;
    uint32_t cause_count;
    struct id causes[RULE_DEPTH_MAX];
    struct id causes_runs[RULE_DEPTH_MAX];
    struct rule_write *older;
};

/** All that was said in a run and in those within it; the frames lie in the arena. */
struct run_frames {
    uint32_t count;
    uint32_t capacity;
    str *items;
    size_t bytes;
};

/** A script while it runs. */
struct run {
    struct rules *rules;
    struct change *change;
    struct rule_chain *chain;
    const struct run_asked *asked;
    struct run_result *result;
    struct run *outer;
    struct run_frames frames;
    uint32_t read_count;
    uint32_t key_count;    /** touched by what it has read */
    struct arena *scratch; /** for one answer; nullptr: none was needed yet */
    uint64_t fuel;         /** that it may spend */
    int64_t begun_us;
    int64_t inner_us; /** spent by those within it */
    str ended;        /** why it was told to end, in ended_text; empty: it was not */
    char ended_text[RULE_MESSAGE_BYTES_MAX];
    enum err err; /** of the change itself, whose fault the task has: it cannot go on */
};

/* rules.c */

/** Fails the change in the name of a rule: code `rejected`, `rule_failed` or `rule_overran`. */
enum err rule_fail(struct change *change, const struct rule *rule, struct id run, str field,
                   str code, str message);
/** Runs one rule that has been found to fire. For `before` and action its values go to the draft,
 *  which is nullptr elsewhere. */
struct firing {
    struct rules *rules;
    struct change *change;
    struct rule_chain *chain;
    struct draft *draft; /** nullptr: it runs by itself */
    const struct rule_alone *alone;
    const struct entity *entity;
    struct id record;
    enum operation operation;
    struct id run; /** nil: a new one */
};
enum err rule_fire(struct firing *firing, const struct rule *rule);
/** Decided without Lua; asks the draft. */
bool rule_fires(const struct firing *firing, const struct rule *rule);
/** How many chains the limits count for. */
uint32_t rule_heads(const struct rule_chain *chain);
/** The set of this change, found once. */
enum err rule_chain_set(struct rules *rules, struct change *change);
struct run_asked rule_asked(struct firing *firing, const struct rule *rule);

/* deed.c */

enum deed_kind : uint8_t { DEED_CREATE, DEED_UPDATE, DEED_DELETE, DEED_LINK };
/** What a rule does with one record. */
struct deed {
    enum deed_kind kind;
    const struct entity *entity;
    struct id id; /** of a new one: given by rule_do */
    const struct value *given;
    /* DEED_LINK */
    const struct field *field;
    struct id to;
};
/** Does it under the scope of rules, and the rules that it sets off. What is refused leaves no
 *  trace but *refusal_out, a text for the script; any error is one of the whole change, with its
 *  fault. */
enum err rule_do(struct change *change, const struct rule *rule, struct id run, struct deed *deed,
                 str *refusal_out);
/** Whether a script may go on after such an error of what it asked for: it was refused, and could
 *  be asked for otherwise. */
bool rule_may_go_on(const struct rule_chain *chain, enum err err);
/** A fault in words, for a script. */
str rule_fault_text(struct task *task);
/** By what this change came, as rules and traces are told: `api`, `import`, …, `rule`. */
str rule_through(struct change *change);

/** Its place in the tally of the chain; nullptr: there is no tally, or no place. */
struct rule_tallied *rule_tallied_of(struct rule_chain *chain, const struct rule *rule);

/* run.c */

/** How long the runner may compute for the next answer, in milliseconds; below 1: not at all. */
int64_t run_cpu_ms_left(const struct run *run);
/** Reads the frame that ends a run into run->result; false: it is none. */
bool run_read_done(struct run *run, str frame);

/* answer.c */

/** What the server says to a question of the runner's: an encoded map. Empty: it is no question. */
str run_answer(struct run *run, str question);

/* effects.c */

/** An id that follows from a run and a place in it, so that it is the same when run again. */
struct id effect_id(struct id run, uint32_t place);
/** Puts what a script queues into the outbox, or into its trial. ERR_INVALID and the like with a
 *  fault; chain->is_over is not set by it. */
enum err effect_put(struct run *run, str kind, const struct value *given, struct id *id_out);
/** Puts an entry for a settled rule that fires on this record. */
enum err effect_settled(struct firing *firing, const struct rule *rule);

/* replay.c */

/** An encoded list: what a fresh runner will ask for besides (sources by code, catalogs), then the
 *  frames in turn. Empty: too long. */
str frames_write(const struct run *run);
