/** merging_values: the values that a survivor of a merge has. Internal to record/.
 *
 *  Floor   record.
 *  Thread  that of its change.
 *  Memory  the task's arena.
 */
#pragma once

#include "record/draft.h"
#include "record/merging.h"
#include "record/undoing.h"

/** Whether a merge brings a value to this field, or the caller may choose whose. */
bool merging_takes(const struct field *field);
/** The survivor with the values that it shall have. ERR_INVALID: a united list is too long. */
enum err merging_values(struct merging *merging, struct draft *draft_out);
