/** trying: one trial of a rule while it is made. Internal to rules/.
 *
 *  Floor   rules.
 *  Thread  that of its transaction.
 *  Memory  the task's arena.
 */
#pragma once

#include "rules/firing.h"
#include "rules/trial.h"

struct trying {
    struct rules *rules;
    struct view view;
    struct rule rule;
    /* What was asked. */
    struct id id; /** of a stored record, or of the one made up; nil: none yet */
    bool is_stored;
    struct value record, old, input; /** maps, or nil */
    enum operation operation;
    struct scope scope; /** with the actor that was said */
    int64_t now_ms;
    str seed;
    bool is_untraced;
    /* What came of it. */
    struct trial trial;
    bool has_plain; /** the record as it would be without the rule */
    struct id plain_id;
    str plain;
    uint32_t touched_count;
    struct tried_record *touched; /** the record itself first */
    enum err err;                 /** of the change as a whole; its fault is the task's */
};

/** A record that the rule may have written. */
struct tried_record {
    const struct entity *entity;
    struct id id;
    str before; /** encoded, without what the rule does; empty: it is not there */
    str now;
};

/** Reads what was asked. ERR_INVALID: faults by field. ERR_MISSING: the rule. */
enum err trying_read(struct trying *trying, const struct trial_asked *asked);
/** Notes the record itself and all that the rule, and those it set off, have written, as it is now,
 *  in the order in which they did. */
void trying_note_writes(struct trying *trying, struct change *change, struct id own);
/** After a rollback: how those were before. */
void trying_note_before(struct trying *trying);
/** Writes what came of it. */
void trying_write(struct buf *json, struct trying *trying);
/** The effects as a list. */
void trial_effects_write(struct buf *json, const struct trial *trial);
/** `{"entity","id","operation","fields":{"status":{"from":…,"to":…}}}`; false, and nothing is
 *  written: there is no difference. `comma` before it. */
bool difference_write(struct buf *json, const struct view *view, const struct tried_record *record,
                      bool has_comma);
