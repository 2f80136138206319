/** gone: records that are no more: the trash of those that were deleted, and where those lead that
 *  were merged into others.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction; what writes: that of its change.
 *  Bytes   SYSTEM_TRASH: entity 2 | sequence of the deletion 8 → id; SYSTEM_MERGED: entity 2 |
 *          id 16 → id of the survivor; numbers big-endian.
 */
#pragma once

#include "base/buf.h"
#include "record/record.h"

constexpr uint32_t MERGES_MAX = 64; /** followed from one record to the next */

/** The record was deleted by the log entry with this sequence; `into` nil: not by a merge. */
void gone_note(struct txn *txn, const struct entity *entity, struct id id, uint64_t sequence,
               struct id into);
/** The record comes back: the trash does not hold it any more, and nothing leads away from it. */
enum err gone_forget(struct txn *txn, const struct entity *entity, struct id id);

/** The record into which this one was merged, or into which that one was, and so on; nil: it was
 *  not, or the survivor is gone. */
enum err gone_survivor(struct task *task, struct txn *txn, const struct entity *entity,
                       struct id id, struct id *survivor_out);

/** The records that were merged into this one, or into those; ERR_TOO_LARGE: more than `max`. */
enum err gone_merged(struct task *task, struct txn *txn, const struct entity *entity,
                     struct id survivor, uint32_t max, struct id *ids_out, uint32_t *count_out);

/** `{"data":[…],"next":…}`: deleted records, newest first, those older than sequence `before`. */
enum err trash_write(struct buf *json, const struct view *view, const struct entity *entity,
                     uint64_t before, uint32_t limit);
