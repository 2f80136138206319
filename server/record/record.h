/** record: reads, creates, changes and deletes the records of one tenant. Every change takes this
 *  road.
 *
 *  A change runs in its tenant's lane (store/store.h), one after another, behind a savepoint;
 *  whatever it returns but ERR_NONE leaves no trace. Order inside: types and defaults; `before`;
 *  formulas of this record; required, conditions, unique, choices, references, scope; the write;
 *  one-of flags and what depends on them; roll-ups of parents, and the formulas upon them; `after`;
 *  at the end `after` of what the engine alone wrote, `check` on each touched record, then one log
 *  entry and `settled` for each.
 *
 *  Floor   record; rests on model, store, value, base.
 *  Thread  the lane's, or any with a dry transaction. Nothing here is shared.
 *  Memory  everything returned lives in task->arena, or is a view of the transaction where the name
 *          says so.
 *  Bytes   record = MessagePack map {field number: stored value}, absent fields left out; log body:
 *          record/past.h.
 */
#pragma once

#include "model/model.h"
#include "record/scope.h"
#include "store/txn.h"

/** Reading: whose eyes, at which moment. */
struct view {
    struct task *task;
    struct txn *txn;
    const struct model *model;
    const struct scope *scope;
};

struct record {
    const struct entity *entity;
    struct id id;
    str value; /** encoded map; a view of the transaction */
};

/** ERR_MISSING: not there or not in the scope. */
enum err record_get(const struct view *view, const struct entity *entity, struct id id,
                    struct record *record_out);

/* The entity tag: `"REVISION.VERSION"`. If-Match compares the revision (changes by somebody),
 * If-None-Match the whole. */
struct etag {
    int64_t revision;
    int64_t version;
};
struct etag record_etag(const struct record *record);
/** Reads one strong tag with its quotes; false for anything else. */
bool etag_parse(str text, struct etag *etag_out);

enum operation : uint8_t { OPERATION_CREATE, OPERATION_UPDATE, OPERATION_DELETE };
/** `create`, `update`, `delete`; static. */
str operation_word(enum operation operation);
/** False: it is none of these words. */
bool operation_of(str word, enum operation *operation_out);

enum hook_point : uint8_t {
    HOOK_BEFORE,  /** the record as it is about to be; not of records written by the engine */
    HOOK_AFTER,   /** it is written, with all that is derived; the only point that may write
                   *  records. What the engine alone has written is shown at the end of the change,
                   *  and again when that changes more of it */
    HOOK_CHECK,   /** the final state of the change, once for each touched record, deleted too */
    HOOK_SETTLED, /** the same of each that the log tells of, in its order: what is to follow the
                   *  commit is put into the outbox now */
};

struct change;
struct condition;
struct draft;
struct rolled;

/* Formulas are evaluated elsewhere (rules/), never in this process. */

/** The same formulas over some records of a tenant. */
struct formula_question {
    uint32_t formula_count;
    const struct field *const *formulas; /** all of one level and one entity */
    uint32_t name_count;
    const str *names; /** the fields that they read */
    uint32_t record_count;
    const str *records; /** of each an encoded list: the API values of `names`, in order */
};
/** What came of one formula for one record: an encoded API value (nil: none), or why it failed. */
struct formula_answer {
    str value;
    str failure; /** what Lua said; empty: it did not fail */
};
/** What an expression says of itself. */
struct formula_compiled {
    str failure; /** why it is none; empty: it is one */
    uint32_t name_count;
    const str *names; /** the fields it reads, none twice */
};
struct formulas {
    void *owner;
    /** Answers record by record, within each formula by formula: record_count × formula_count of
     *  them. ERR_FULL: none can be asked now. */
    enum err (*evaluate)(void *owner, struct task *task, const struct space *space,
                         const struct formula_question *question, struct formula_answer *answers);
    enum err (*compile)(void *owner, struct task *task, const struct space *space, str source,
                        struct formula_compiled *compiled_out);
};

/** Rules hang in here; rules/ fills it. A slot that is nullptr is passed over. */
struct hooks {
    void *owner;
    const struct formulas *formulas;
    /** `before` may change the draft by draft_set; all but `settled` may reject by returning
     *  ERR_REJECTED with a fault, whose fields are those of the draft: where it lies within another
     *  record, the path to it is put before them. */
    enum err (*run)(void *owner, struct change *change, enum hook_point point, struct draft *draft);
    /** Whether `run` has anything to do there, so that nothing is prepared for it; nullptr: it
     *  may. */
    bool (*wants)(void *owner, struct change *change, enum hook_point point,
                  const struct entity *entity);
    /** An undo, which runs no rules, has put this record back, changed it, or taken it away; in a
     *  set of hooks without rules it is still there. An error refuses the undo. nullptr: nobody
     *  cares. */
    enum err (*undone)(void *owner, struct change *change, struct draft *draft);
};

struct rule_chain;
struct settled_choice;
struct mark;
struct touched;
struct touched_was;

/** One atomic change: many calls may go into it; change_finish ends it. */
struct change {
    struct task *task;
    struct txn *txn;
    const struct model *model;
    const struct scope *scope;
    const struct hooks *hooks; /** or nullptr */
    struct id group;           /** nil: one of its own, made at the latest for the first hook */
    struct id cause;           /** request or job */
    bool is_undo;              /** what it deletes goes not to the trash: the undo can be undone */
    bool is_made_up; /** a dry run's: what nobody's rule writes may lack what it must have */
    bool is_import;  /** required fields that may be waived are waived, and named in `incomplete` */
    /** not nullptr in an import: what it was told to do with some rules for settled changes; the
     *  others do as they say themselves */
    const struct settled_choice *settled_choices;
    uint32_t settled_choice_count;
    /** 0, or the number of the version of a rule that is being put in place: the rule takes it */
    int64_t rule_version;
    struct rule_chain *chain; /** kept by the hooks: what its rules have spent and caused */
    /* kept by record/ */
    struct mark *marks; /** newest first */
    struct touched *touched;
    uint32_t touched_count;
    uint32_t touched_capacity;
    uint32_t *touched_places;         /** by hash of the id, twice the capacity: place + 1 */
    struct touched_was *touched_were; /** what a rollback brings back */
    uint64_t write_count;             /** so that a draft knows whether it is of today */
    uint32_t depth;
    uint32_t hook_depth; /** hooks within hooks */
    bool is_read_only;   /** a hook runs that may not write records */
    bool is_making;  /** a record is made from another: it may lack the tenant's required fields */
    bool is_rebuild; /** of a job that brings all records of an entity up to date */
    uint32_t following_count; /** records that were taken along to other clients */
    struct rolled *rolled;    /** records with roll-ups or formulas to be brought up to date */
    uint32_t generation;      /** another one behind each savepoint and rollback */
    uint32_t settled_count;   /** of them, touched by nothing else */
    bool has_currency;
    str currency; /** in which money is rolled up */
};

struct view change_view(const struct change *change);

/** Creates a record from API values (a map by field names; a reference may be a map, which
 *  creates that record too). ERR_INVALID: the faults name the fields. ERR_CONFLICT: a unique
 *  value is taken, the fault says which. ERR_FORBIDDEN: scope. */
enum err record_create(struct change *change, const struct entity *entity,
                       const struct value *given, struct id *id_out);

/** Merge patch (RFC 7396); lists also by {"$add":[…],"$remove":[…]}. `if_match` nullptr: whatever
 *  is there. ERR_CHANGED: the revision is another. */
enum err record_patch(struct change *change, const struct entity *entity, struct id id,
                      const struct value *given, const struct etag *if_match);

/** ERR_CONFLICT: something refers to it that may not lose it; the detail says what. */
enum err record_delete(struct change *change, const struct entity *entity, struct id id,
                       const struct etag *if_match);

/** Sets a reference (one that is kept through a link makes the link, or gives it the flag), or adds
 *  to a list of them, as a patch does. ERR_INVALID: the field is none. */
enum err record_link(struct change *change, const struct entity *entity, struct id id,
                     const struct field *field, struct id to);

/** Puts the record into the archive, or takes it out. ERR_CONFLICT: it is there, or not there,
 *  already. */
enum err record_archive(struct change *change, const struct entity *entity, struct id id,
                        bool is_archived);

/** Sets a field that the system keeps, as the engine does: no hook runs, and only the version of
 *  the record moves. ERR_MISSING. */
enum err record_compute(struct change *change, const struct entity *entity, struct id id,
                        const struct field *field, const struct value *given);

/** Shows hooks what the engine wrote, runs `check`, writes one log entry for each touched record
 *  and runs `settled` for it. Once, after the last call; nothing is called after it. */
enum err change_finish(struct change *change);

/** A point to come back to: all that was written since, and what the change knows of it. They
 *  nest, cost next to nothing, and one serves any number of times. */
struct change_savepoint {
    struct savepoint txn;
    struct fault fault; /** of the task, as it was; a rollback leaves the faults as they are */
    str path;
    struct mark *marks;
    struct touched_was *touched_were;
    struct rolled *rolled;
    uint32_t touched_count;
    uint32_t settled_count;
    uint32_t depth;
    uint32_t hook_depth;
    bool is_making, is_read_only;
};
struct change_savepoint change_savepoint(struct change *change);
void change_rollback(struct change *change, const struct change_savepoint *savepoint);

/** For hooks: a rule wrote this record, or changed it before it was written. Its history says
 *  so. `name` is copied. */
void change_mark(struct change *change, const struct entity *entity, struct id record,
                 struct id rule, str name);

/** For hooks: which record, and what is being done with it. */
const struct entity *draft_entity(const struct draft *draft);
struct id draft_id(const struct draft *draft);
enum operation draft_operation(const struct draft *draft);
/** Nobody wrote it in this change but the engine (in `after`: since it was shown last): roll-ups,
 *  formulas upon them, flags of which one has it, references that follow or are detached. */
bool draft_is_by_engine(const struct draft *draft);
/** For `after` hooks that have written: the draft as the record is by now, `before` stays. */
enum err draft_reread(struct change *change, struct draft *draft, bool *is_there_out);
/** An encoded map of API values by field names, with `id`; hidden and absent fields are left out.
 *  Empty (no bytes): there was, or is, no record. In the arena of the task. */
str draft_values(struct change *change, const struct draft *draft, bool is_before);
/** The same of a stored record. */
str record_values(const struct view *view, const struct record *record);
/** The encoded stored value of a field, before or now; empty when absent. */
str draft_stored(const struct draft *draft, const struct field *field, bool is_before);
/** Whether a condition holds for the draft, before or now; the view says whose eyes look behind its
 *  references. */
bool draft_meets(const struct view *view, const struct draft *draft,
                 const struct condition *condition, bool is_before);
/** For `before` hooks: sets a field of the draft from an API value. */
enum err draft_set(struct change *change, struct draft *draft, const struct field *field,
                   const struct value *given);
/** For `before` hooks: the same of a field that the system keeps; nil clears it. */
void draft_compute(struct change *change, struct draft *draft, const struct field *field,
                   const struct value *given);
