/** rebuild: brings what is derived of stored records up to date with the model.
 *
 *  For jobs that follow a change of the model (a tenant's new index, formula, roll-up; a newer
 *  schema): a stretch of records at a time, between the changes of people.
 *
 *  Floor   record.
 *  Thread  that of its change: a lane.
 */
#pragma once

#include "record/record.h"

constexpr uint32_t REBUILD_RECORDS_MAX = 200; /** of one call */

/** Computes again everything derived of these records of one entity: values of computed fields,
 *  which required fields are missing, index entries and words of fields that are being built; and
 *  takes away what removed or fading fields have left. Records that are no longer there are passed
 *  over. No hook runs and nothing is logged, for nobody changed them; so it stands in a change of
 *  its own, which is not finished by change_finish. */
enum err records_rebuild(struct change *change, const struct entity *entity, const struct id *ids,
                         uint32_t count);

/** Seals anew, under the tenant's newest key, what these records hold under older ones; their index
 *  entries move along. Nobody changed them, so nothing is logged; in a change of its own as
 *  above. */
enum err records_reseal(struct change *change, const struct entity *entity, const struct id *ids,
                        uint32_t count, uint32_t *sealed_out);

/** Of these records, those that share a value with another one in a unique field that is being
 *  built: a fault each, `taken`, by the field's name, which names both records. */
enum err records_judge_unique(struct change *change, const struct entity *entity,
                              const struct id *ids, uint32_t count);

/** Ends what the job was queued for: its fields are ready, or stripped when they were deleted. The
 *  model is another one then. */
enum err build_finish(struct change *change, struct id job);

/** The unique fields of this entity that the job builds will not be unique: each says why in its
 *  `problem`, and another job is queued for the rest of the work. */
enum err build_give_up_unique(struct change *change, uint16_t entity, struct id job, str problem);
