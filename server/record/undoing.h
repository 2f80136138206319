/** undoing: the plan of an undo: what each record of the group is and what it shall be.
 *  Internal to record/undo*.c.
 *
 *  Floor   record.
 *  Thread  that of its change.
 *  Memory  the task's arena.
 */
#pragma once

#include "record/draft.h"
#include "record/undo.h"

struct undo_item {
    const struct entity *entity;
    struct id id;
    bool was_there;       /** before this undo */
    bool is_there;        /** as it shall be */
    bool is_own_creation; /** the group created it */
    str *before;          /** stored values by field position, now; empty when it is not there */
    str *now;             /** … and as they shall be */
    struct id into; /** it goes into this one again, which it was merged into before; or nil */
};

struct undo_plan {
    struct undo *undo;
    struct undo_item *items;
    uint32_t count;
    uint32_t *buckets; /** places in items, +1, by hash of the id */
};

/** Reads the entries into items, field by field. */
enum err undo_plan_make(struct undo *undo, const uint64_t *sequences, uint32_t count,
                        struct undo_plan *plan_out);
/** Keeps what would break what holds for every record, until nothing more would. */
enum err undo_plan_verify(struct undo_plan *plan);

struct undo_item *undo_item_find(const struct undo_plan *plan, const struct entity *entity,
                                 struct id id);
/** Notes that something stays as it is. */
void undo_keep(struct undo_plan *plan, const struct undo_item *item, const struct field *field,
               enum undo_reason reason);
/** Whether people give it its value: neither computed from others nor the engine's own. */
bool undo_is_own(const struct field *field);
