/** undo: takes back what a group of changes did, but for what was edited since.
 *
 *  A field whose present value is what the group wrote goes back to what it was before; another one
 *  is kept, and told. A record that the group created is deleted unless it was edited, others refer
 *  to it, or another record that stays needs it; one that it deleted comes back with its id, its
 *  references and links. Values that would break what holds for every record now (a reference to
 *  nothing, a unique value that is taken, an unknown choice) are kept or left out, and told.
 *  Computed fields follow. No rules run. What an undo writes is a group itself: it can be undone.
 *
 *  Floor   record.
 *  Thread  that of its change: a lane.
 *  Memory  the task's arena.
 */
#pragma once

#include "base/buf.h"
#include "record/record.h"

constexpr uint32_t UNDO_KEPT_MAX = 1000; /** told; all are counted */

enum undo_reason : uint8_t {
    UNDO_EDITED,    /** somebody changed it since */
    UNDO_GONE,      /** it was deleted since */
    UNDO_THERE,     /** a deleted one is there again */
    UNDO_REFERRED,  /** others refer to it */
    UNDO_NEEDED,    /** one that stays would be left without it */
    UNDO_MISSING,   /** what it would refer to is not there */
    UNDO_TAKEN,     /** another one has the unique value */
    UNDO_CHOICE,    /** the choice is not known any more */
    UNDO_REQUIRED,  /** it would be empty */
    UNDO_ERASED,    /** the log does not know any more what it was */
    UNDO_FORBIDDEN, /** the actor may not change the field */
};
/** A stable word, and what people read. */
str undo_reason_word(enum undo_reason reason);
str undo_reason_text(enum undo_reason reason);

struct undo_kept {
    const struct entity *entity;
    struct id id;
    const struct field *field; /** nullptr: the whole record */
    enum undo_reason reason;
};

struct undo {
    /** Its hooks may compute, but run no rules (hooks_without_rules). */
    struct change *change;
    uint32_t changed, deleted, restored; /** records */
    uint32_t kept_count;                 /** of all */
    uint32_t told_count;
    struct undo_kept *kept; /** the first UNDO_KEPT_MAX */
};

/** Notes that a record stays as it is. */
void undo_keep_record(struct undo *undo, const struct entity *entity, struct id id,
                      enum undo_reason reason);
/** `{"entity","id","field","reason","message"}`; the field is null of a whole record, and where
 *  it is not seen. */
void undo_kept_write(struct buf *json, struct sight sight, const struct undo_kept *kept);

/** The hooks of an undo: formulas, but no rules. `hooks` may be nullptr. */
struct hooks hooks_without_rules(const struct hooks *hooks);

/** Takes back these log entries, newest first, of whole changes. The caller ends the change.
 *  ERR_FORBIDDEN: scope. ERR_CONFLICT: one-of flags cannot be settled. */
enum err undo_entries(struct undo *undo, const uint64_t *sequences, uint32_t count);

/** The newest entries of a group older than `before`: whole changes, as many as fill `wanted`, at
 *  most `max`, which no single change exceeds. *count_out is 0 at the end. */
struct undo_slice {
    struct id group;
    uint64_t before;
    uint32_t wanted;
    uint32_t max;
};
enum err undo_slice_read(struct task *task, struct txn *txn, const struct undo_slice *slice,
                         uint64_t *sequences, uint32_t *count_out);

/** Of the entries of the change that deleted a record, newest first, those that brought it and what
 *  went with it away. ERR_MISSING: it was never there. ERR_CONFLICT: it is there, or what it was
 *  has been erased. `sequences` has room for CHANGE_WRITES_MAX. */
enum err undo_of_deletion(const struct view *view, const struct entity *entity, struct id id,
                          uint64_t *sequences, uint32_t *count_out);
