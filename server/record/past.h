/** past: what the change log says of a record, and the record as it was.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 *  Memory  views of the entry; the record as it was lies in task->arena.
 *  Bytes   log body = [operation, {field number: [old, new]}, flags, id], absent sides nil. Flags
 *          (LOG_BY_ENGINE …) are left out where they and the id are; the id is that of the record
 *          which a deleted one was merged into.
 */
#pragma once

#include "record/record.h"

enum log_flag : uint8_t {
    LOG_BY_ENGINE = 1, /** only what the engine keeps has changed: the revision stands */
    LOG_CONTINUED = 2, /** another entry of the same change stands before it */
};

/** The body of one log entry, while it is read. */
struct log_change {
    enum operation operation;
    uint8_t flags;  /** of log_flag */
    struct id into; /** the deleted record was merged into this one; nil: it was not */
    uint32_t pairs_left;
    struct cursor pairs;
};
/** False when the body was erased or is damaged. */
bool log_change_read(str body, struct log_change *change_out);
/** The next changed field; false at the end. Absent sides are VALUE_NIL. */
bool log_change_next(struct log_change *change, uint16_t *number_out, struct value *old_out,
                     struct value *new_out);
/** Writes a body's head, for `count` changed fields which follow by log_body_field, and its end. */
void log_body_begin(struct buf *body, enum operation operation, uint8_t flags, struct id into,
                    uint32_t count);
/** Sides as stored; empty ones are absent. */
void log_body_field(struct buf *body, uint16_t number, str old, str new);
void log_body_end(struct buf *body, uint8_t flags, struct id into);

/** The record as it was at a time, with the fields that it has today; those that the engine alone
 *  counts by (revision, version) are of today. ERR_MISSING: it was not there then, or is not in the
 *  scope. ERR_CONFLICT: what the log kept of it was erased. ERR_TOO_LARGE: more changes than the
 *  task may touch keys. */
enum err record_get_at(const struct view *view, const struct entity *entity, struct id id,
                       int64_t at_ms, struct record *record_out);
