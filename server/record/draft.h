/** draft: one record while it is being changed: its stored values by field, before and now.
 *  Internal to record/.
 *
 *  Floor   record.
 *  Thread  that of its change.
 *  Memory  the task's arena.
 */
#pragma once

#include "record/record.h"

/** Splits an encoded record into stored values by the field's position in its entity
 *  (`field_count` of them); absent ones are empty. Numbers the entity does not know are passed
 *  over. */
void slots_read(const struct entity *entity, str value, str *slots_out);

/** The encoded record of stored values. */
str slots_encode(struct arena *arena, const struct entity *entity, const str *slots);

/** The same as slots_read, read; of an absent one only `bytes` is set, and empty. */
void values_read(const struct entity *entity, str value, struct value *values_out);

static inline uint32_t field_position(const struct field *field)
{
    return (uint32_t)(field - field->entity->fields);
}

/** A link that must be made once the record itself is written (a reference given through another
 *  entity). */
struct later {
    const struct field *field;
    /** a map: create; text: an id; bytes empty: made from the record's own fields */
    struct value given;
    struct later *next;
};

struct draft {
    const struct entity *entity;
    struct id id;
    bool is_new;
    enum operation operation; /** what is being done with it; for hooks */
    str value;                /** encoded, as it was loaded */
    str *before;              /** by field position, as read or last saved */
    str *now;
    struct later *later;
    bool has_formulas; /** its formulas fit its other fields */
    bool is_by_engine; /** see draft_is_by_engine */
    uint64_t as_of;    /** change->write_count when it was loaded */
};

/** A record touched by this change, and what it was before the change. Whoever changes one that
 *  stands calls touched_keep before. */
struct touched {
    const struct entity *entity;
    struct id id;
    str before;           /** empty: it did not exist */
    size_t before_bytes;  /** as it was stored */
    bool is_going;        /** being deleted */
    struct id into;       /** … because it was merged into this one; or nil */
    bool is_by_actor;     /** somebody wrote it, or a rule; not the engine alone */
    bool is_by_narrow;    /** … one who does not see all records */
    bool is_due;          /** written since `after` was shown it */
    bool is_due_by_actor; /** … not by the engine alone */
    str shown;            /** the record as `after` was shown it last; empty: it was not */
};

/** Loads a stored record; ERR_MISSING. */
enum err draft_load(struct change *change, const struct entity *entity, struct id id,
                    struct draft *draft);
struct draft *draft_make(struct change *change, const struct entity *entity, struct id id);

static inline str draft_get(const struct draft *draft, const struct field *field)
{
    return draft->now[field_position(field)];
}
/** Sets a stored value (kept in the arena by the caller); empty clears. */
static inline void draft_put(struct draft *draft, const struct field *field, str stored)
{
    draft->now[field_position(field)] = stored;
}
static inline bool draft_has_changed(const struct draft *draft, const struct field *field)
{
    uint32_t at = field_position(field);
    return !str_eq(draft->before[at], draft->now[at]);
}
/** The id in a reference field; false when absent. */
bool draft_reference(const struct draft *draft, const struct field *field, struct id *id_out);
bool slots_reference(const str *slots, const struct field *field, struct id *id_out);
bool draft_flag(const struct draft *draft, const struct field *field);
bool slots_flag(const str *slots, const struct field *field);

/* input.c */

/** Defaults of a new record. */
void draft_defaults(struct change *change, struct draft *draft);
/** API values into the draft; faults are added, links noted in draft->later. */
enum err draft_apply(struct change *change, struct draft *draft, const struct value *given);

/* verify.c */

/** Required (waived ones are noted in `incomplete`), choices, references, uniqueness of what has
 *  changed. ERR_INVALID or ERR_CONFLICT with faults. */
enum err draft_verify(struct change *change, struct draft *draft);
/** Notes in or strikes from `incomplete` that a required field is missing. */
void draft_note_incomplete(struct change *change, struct draft *draft, const struct field *field,
                           bool is_missing);
/** A fault on the field when there is no such record in the scope. */
enum err verify_there(struct change *change, const struct field *field, struct id id,
                      bool *is_there_out);
/** An id of a record that was merged becomes that of the survivor; *has_moved is set then. */
enum err verify_follow(struct change *change, const struct field *field, struct id *id,
                       bool *has_moved);
/** Whether a set takes this choice. */
bool choice_is_known(const struct choice_set *set, str choice);
/** The values that a set offers, for messages. */
str choices_text(struct arena *arena, const struct choice_set *set);
/** Whether the field is shown, and whether it must have a value, in a record with these stored
 *  values. */
bool field_is_visible(const struct view *view, const struct field *field, const str *slots);
bool field_is_needed(const struct view *view, const struct field *field, const str *slots);
bool field_is_waived(struct change *change, const struct field *field);

/* save.c */

/** Who caused this write: somebody (revision and updated_at move) or the engine (only the version
 *  does). */
enum write_cause : uint8_t { WRITE_BY_ACTOR, WRITE_BY_ENGINE };
/** Whether there is anything to save. */
bool draft_is_other(const struct draft *draft, enum write_cause cause);
/** Writes the record, its index entries and words, when anything has changed. */
enum err draft_save(struct change *change, struct draft *draft, enum write_cause cause);
/** Clears what fields that a tenant deleted still hold; each save does. */
void draft_drop_removed(struct draft *draft);
/** Removes the record, its index entries and words. */
enum err draft_remove(struct change *change, struct draft *draft);

/* change.c */

/** Remembers what the record was before this change. ERR_TOO_LARGE past CHANGE_WRITES_MAX. The
 *  place is good until the next one is touched. */
enum err change_touch(struct change *change, const struct entity *entity, struct id id, str before,
                      struct touched **touched_out);
struct touched *change_touched(struct change *change, const struct entity *entity, struct id id);
/** The same of one that is being deleted, `into` another one or nil. */
enum err change_touch_going(struct change *change, const struct entity *entity, struct id id,
                            str before, struct id into);
/** Once all is written: what the touched records take more or less than before is counted, by one
 *  row of this commit. ERR_LIMITED: a quota is reached. */
enum err change_count(struct change *change);
/** Notes how it is, for a rollback; before it is changed. */
void touched_keep(struct change *change, const struct touched *touched);
/** `after` is shown it now, as it is. */
void touched_note_shown(struct change *change, struct touched *touched, str value);
/** Whether hooks have anything to do there. */
bool change_wants(struct change *change, enum hook_point point, const struct entity *entity);
/** Whether what is written now comes from an import, which is let off some rules; not from a hook
 *  in one. */
static inline bool change_is_of_import(const struct change *change)
{
    return change->is_import && change->hook_depth == 0;
}
/** Runs the hooks of one point. What is under way around them (depth, path, import) is not theirs.
 *  ERR_TOO_LARGE: hooks within hooks without end. */
enum err change_ask(struct change *change, enum hook_point point, struct draft *draft);
/** ERR_CONFLICT while a hook runs that may only read, or when the record is being deleted. */
enum err change_may_write(struct change *change, const struct entity *entity, struct id id);
/** The rules that wrote a record, each once, as a log body has them: an encoded list of [id, name];
 *  empty: none did. `marks` is made by marks_sort. */
struct marks {
    uint32_t count;
    struct mark **items;
};
struct marks marks_sort(struct change *change);
str marks_of(struct arena *arena, const struct marks *marks, const struct touched *touched);

/** The sorted, distinct words of a record's searched fields. */
struct key_list record_words(struct arena *arena, const struct entity *entity, const str *slots);
/** The same with the words that fading fields may have left. */
struct key_list record_words_left(struct arena *arena, const struct entity *entity,
                                  const str *slots);
/** Puts all index entries of the record's fields that are being built, and all its words where one
 *  of those fields has words; takes away what fading fields have left of `before`. */
void draft_renew_keys(struct change *change, const struct draft *draft);
/** Notes missing required fields in `incomplete`, and strikes those that are there. */
void draft_judge_incomplete(struct change *change, struct draft *draft);

/* derive.c */

/** A stored value that a new record gets from the one it is created in; another one given for it is
 *  a fault, `read_only`. */
struct preset {
    const struct field *field;
    str stored;
};
/** Makes the links noted in draft->later, once the record is written. */
enum err derive_links(struct change *change, struct draft *draft);
/** After a write or removal: one-of flags among the records beside this one, and the references
 *  kept through them. `was` and `is` are its stored values before and after. */
enum err derive_one_of(struct change *change, const struct entity *entity, struct id id,
                       const str *was, const str *is);
/** At most one (or exactly one) of the records beside each other carries the flag; the preferred
 *  one wins (nil: none is preferred), else the one that has it, else the oldest; the parent's
 *  references follow. */
enum err derive_settle(struct change *change, const struct field *flag, struct id parent,
                       struct id preferred);
/** Which of them carries it now; nil: none. */
enum err derive_flagged(struct change *change, const struct field *flag, struct id parent,
                        struct id *id_out);
struct id_list {
    uint32_t count;
    struct id *ids;
};
/** The links from `parent` to `target`, oldest first, at most 64. */
enum err derive_links_between(struct change *change, const struct field *of_parent,
                              struct id parent, const struct field *of_target, struct id target,
                              struct id_list *list_out);
/** Whether this change is about to delete the record. */
bool change_is_going(struct change *change, const struct entity *entity, struct id id);
/** The referring records of one that is going: refused, detached or deleted with it. */
enum err derive_deletion(struct change *change, const struct entity *entity, struct id id);

/* telling.c */

/** Appends a stored value as the API gives it; nil when absent. */
void value_give(struct buf *out, const struct field *field, str stored);

/* record.c */

/** Brings a loaded draft up to date with what hooks wrote meanwhile: what it changes itself stands.
 *  ERR_CONFLICT: the record is gone. */
enum err draft_rebase(struct change *change, struct draft *draft);
/** The steps of a new or changed record from the filled draft on: hooks, checks, the write, what
 *  follows from it. */
enum err draft_write(struct change *change, struct draft *draft);
/** As record_create; `given` may be nullptr. */
enum err record_create_from(struct change *change, const struct entity *entity,
                            const struct value *given, const struct preset *presets,
                            uint32_t preset_count, struct id *id_out);
/** As record_delete, of a record that goes with another: hooks run, the scope of that other one
 *  decides. */
enum err record_delete_referring(struct change *change, const struct entity *entity, struct id id);
