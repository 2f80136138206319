/** group: what one change, import, bulk edit, merge or job did, as a whole, and whether it was
 *  undone.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction; what writes: a lane.
 *  Bytes   SYSTEM_GROUP: group → [undone by: group or nil bytes, its job or nil bytes, undo of].
 */
#pragma once

#include "base/buf.h"
#include "record/record.h"

/** Ids that are not there are nil. */
struct group_state {
    struct id undone_by; /** the group of what undid it */
    struct id job;       /** the job that does so */
    struct id undo_of;   /** the group that it undid */
};
enum err group_state_get(struct task *task, struct txn *txn, struct id group,
                         struct group_state *state_out);
/** Group `by` undoes `group`; if that was an undo itself, what it had undone stands again. */
enum err group_note_undone(struct task *task, struct txn *txn, struct id group, struct id by,
                           struct id job);

/** How many entries of the log a group has; 0: there is none. */
enum err group_count(struct txn *txn, struct id group, uint64_t *count_out);

/** What it did: who, when, how many records of each entity (told exactly up to
 *  GROUP_ENTRIES_TOLD_MAX entries), the newest of them, the rules that wrote them, whether it was
 *  undone. ERR_MISSING: no such group, or nothing in it is for these eyes. */
constexpr uint32_t GROUP_ENTRIES_TOLD_MAX = 400;
constexpr uint32_t GROUP_RECORDS_TOLD_MAX = 200;
constexpr uint32_t GROUP_RULES_TOLD_MAX = 50;
enum err group_write(struct buf *json, const struct view *view, struct id group);
/** How many entries it has for these eyes; to who does not see all, those that are told.
 *  ERR_MISSING as group_write; for what is done with a group by its id. */
enum err group_count_seen(const struct view *view, struct id group, uint64_t *count_out);
