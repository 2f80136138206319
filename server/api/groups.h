/** groups: what one change, import, bulk edit or job did as a whole, and its undo.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  reads: loop or worker; changes: the tenant's lane.
 */
#pragma once

#include "api/call.h"
#include "record/undo.h"

enum err groups_read(struct call *call);
enum err groups_undo(struct call *call);

/** `preview=true`, the only parameter. */
enum err preview_read(struct call *call, bool *is_preview_out);
