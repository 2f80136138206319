/** merging: several records of one entity become one, the survivor.
 *
 *  Everything that refers to the others is moved to it; a link that would then stand twice between
 *  the same two records is dropped, and what it alone said goes to the other. The survivor's values
 *  stand, those that it lacks come from the others in order, lists are united; the caller may say
 *  whose value is taken. The others are deleted and lead to the survivor from then on. A merge is
 *  one group: its undo brings all of it back.
 *
 *  Floor   record.
 *  Thread  that of its change: a lane.
 *  Memory  the task's arena.
 */
#pragma once

#include "base/buf.h"
#include "record/record.h"

constexpr uint32_t MERGE_RECORDS_MAX = 20; /** beside the survivor */

struct merging {
    struct change *change;
    const struct entity *entity;
    struct id survivor;
    uint32_t other_count;
    struct id others[MERGE_RECORDS_MAX];
    /** whose value is taken, by position of the field in the entity; nil: as it comes */
    struct id *chosen;
    bool is_last; /** this change ends the merge */
    /* By entity number, of what the actor sees: */
    uint32_t moved[ENTITIES_MAX];   /** records that refer to it now */
    uint32_t dropped[ENTITIES_MAX]; /** links that stood twice */
};

/** Reads `{"with":[ids],"fields":{name: id}}`. ERR_INVALID: faults by field. ERR_MISSING,
 *  ERR_FORBIDDEN: a record is not there, or may not be changed so. */
enum err merging_read(struct change *change, const struct entity *entity, struct id survivor,
                      const struct value *given, struct merging *merging_out);

/** How many records refer to the others, counted up to `max`. */
enum err merging_count(const struct merging *merging, uint32_t max, uint32_t *count_out);
/** The same of what the actor sees, to be told. */
enum err merging_count_seen(const struct merging *merging, uint32_t max, uint32_t *count_out);

/** All of it in one change, or what is left of it. ERR_TOO_LARGE: more than one change holds. */
enum err merging_run(struct merging *merging);
/** A part of it: moves at most `max` records, so that merging_run has less to do; *moved_out 0:
 *  nothing is left that can be moved before the others are deleted. */
enum err merging_move_some(struct merging *merging, uint32_t max, uint32_t *moved_out);

/** How many records this change has moved or dropped, of what the actor sees. */
uint32_t merging_told(const struct merging *merging);

/** The survivor as it would be by its own values, before anything is moved. */
enum err merging_preview(struct merging *merging, struct record *record_out);
