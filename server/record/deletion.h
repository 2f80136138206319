/** deletion: what goes with a record that is deleted, at once or in parts.
 *
 *  Floor   record.
 *  Thread  that of its change: a lane.
 */
#pragma once

#include "record/record.h"

constexpr uint32_t DELETION_UNDER_MAX = 200; /** more than this under a record goes before it */
constexpr uint32_t DELETION_DEPTH_MAX = 4;

/** ERR_CONFLICT: something refers to the record that may not lose it; the detail says how many. */
enum err deletion_verify(struct change *change, const struct entity *entity, struct id id);
/** How many records refer to it, counted up to `max`. */
enum err deletion_count(struct change *change, const struct entity *entity, struct id id,
                        uint32_t max, uint32_t *count_out);
/** The same of what the actor sees, to be told. */
enum err deletion_count_seen(const struct change *change, const struct entity *entity, struct id id,
                             uint32_t max, uint32_t *count_out);
/** Deletes or detaches at most `max` of the records under one that is to be deleted, so that
 *  record_delete has less to do. *count_out 0: nothing is left that can go before it. */
enum err deletion_some(struct change *change, const struct entity *entity, struct id id,
                       uint32_t max, uint32_t *count_out);
