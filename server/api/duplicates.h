/** duplicates: a scan for records that may be one, and the warning when one is created.
 *
 *  Floor   api, inside.
 *  Thread  the tenant's lane.
 */
#pragma once

#include "api/call.h"

/** Of the table: begins a scan, as a job. */
enum err duplicates_begin(struct call *call);
/** Behind reply_record: adds `"warnings":[…]` to the answer where records are there that may be the
 *  same as this one. */
enum err duplicates_warn(struct call *call, struct id id);
