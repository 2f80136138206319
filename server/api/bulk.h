/** bulk: the call that does many operations at once: in one change, or as a job.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  the tenant's lane.
 */
#pragma once

#include "api/call.h"

enum err records_bulk(struct call *call);
