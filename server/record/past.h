/** past: what the change log says of a record, and the record as it was.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 *  Memory  views of the entry; the record as it was lies in task->arena.
 *  Bytes   log body = [operation, {field number: [old, new]}, flags, id, rules], absent sides nil.
 *          Flags: LOG_BY_ENGINE …; the id is that of the record which a deleted one was merged into
 *          (or nil); rules: a list of [id, name] of those that wrote it. What says nothing is left
 *          out at the end.
 */
#pragma once

#include "record/record.h"

constexpr uint32_t PAST_ENTRIES_MAX = 100; /** looked at for one field */

enum log_flag : uint8_t {
    LOG_BY_ENGINE = 1, /** only what the engine keeps has changed: the revision stands */
    LOG_CONTINUED = 2, /** another entry of the same change stands before it */
    /** only which clients it lies under, or who holds it, has changed: it is told to no one, but
     *  takes the record out of a scope, or into it */
    LOG_ROWS_ALONE = 4,
};

/** The body of one log entry, while it is read. */
struct log_change {
    enum operation operation;
    uint8_t flags;  /** of log_flag */
    struct id into; /** the deleted record was merged into this one; nil: it was not */
    uint32_t pairs_left;
    struct cursor pairs;
    uint32_t rules_left;
    struct cursor rules;
};
/** False when the body was erased or is damaged. */
bool log_change_read(str body, struct log_change *change_out);
/** Whether the entry says nothing to anybody: it moved the record into or out of scopes. */
bool log_is_untold(const struct log_entry *entry);
/** The next changed field; false at the end. Absent sides are VALUE_NIL. */
bool log_change_next(struct log_change *change, uint16_t *number_out, struct value *old_out,
                     struct value *new_out);
/** The record as its deletion found it; false when the entry is none, or its body was erased. */
bool log_deleted_record(struct arena *arena, const struct entity *entity,
                        const struct log_entry *entry, struct record *record_out);
/** The record as it is, a view, or as its deletion found it, if that is the newest that the log
 *  says of it; false: neither is there. */
bool record_last_value(const struct view *view, const struct entity *entity, struct id id,
                       str *value_out);
/** The record as the entry, which is one of it, found it; false when it made it, or its body was
 *  erased. What is not in the entry is of today. */
bool log_record_before(const struct view *view, const struct entity *entity,
                       const struct log_entry *entry, struct record *record_out);
/** What a field held just behind a place in the log, empty: nothing; a view. False: the log does
 *  not say, or not within PAST_ENTRIES_MAX entries of the record. */
bool record_field_at(const struct view *view, const struct entity *entity, struct id id,
                     uint16_t number, uint64_t sequence, str *stored_out);
/** The next rule that wrote it; false at the end. The name is a view. */
bool log_change_rule(struct log_change *change, struct id *rule_out, str *name_out);

struct log_head {
    enum operation operation;
    uint8_t flags;
    struct id into;
    str rules; /** an encoded list; empty: none */
    uint32_t field_count;
};
/** Writes what stands before the changed fields, of which `field_count` follow by log_body_field,
 *  and what stands behind them. */
void log_body_begin(struct buf *body, const struct log_head *head);
/** Sides as stored; empty ones are absent. */
void log_body_field(struct buf *body, uint16_t number, str old, str new);
void log_body_end(struct buf *body, const struct log_head *head);

/** The record as it was at a time, with the fields that it has today; those that the engine alone
 *  counts by (revision, version) are of today. ERR_MISSING: it was not there then, or is not in the
 *  scope. ERR_CONFLICT: what the log kept of it was erased. ERR_TOO_LARGE: more changes than the
 *  task may touch keys. */
enum err record_get_at(const struct view *view, const struct entity *entity, struct id id,
                       int64_t at_ms, struct record *record_out);
/** The same as it was just before the entry of the log with this sequence, whichever it is of. */
enum err record_get_before(const struct view *view, const struct entity *entity, struct id id,
                           uint64_t sequence, struct record *record_out);
