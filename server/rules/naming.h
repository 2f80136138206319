/** naming: a tenant's own entities, fields and choices that its active rules name are not deleted
 *  from under them. Internal to rules/.
 *
 *  Floor   rules.
 *  Thread  that of the change.
 */
#pragma once

#include "record/record.h"

/** Before such a record is deleted: ERR_CONFLICT names the rules. */
enum err naming_before(struct change *change, struct draft *draft);
