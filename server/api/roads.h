/** roads: on which thread a call's function runs, and how the call gets there and back.
 *
 *  Floor   api, inside.
 *  Thread  road_take: the loop.
 */
#pragma once

#include "api/call.h"

/** On the loop, when everything about the request was found to be in order: runs the function, or
 *  sends the call on its way; then *is_gone_out is true and somebody else answers. */
enum err road_take(struct call *call, bool *is_gone_out);

/** On ROAD_WORKER and ROAD_PATIENT, where no transaction is open: runs `read` with one on the
 *  tenant's rows and the model that it sees; `is_dry`: one that takes writes and never makes them.
 */
enum err call_read(struct call *call, bool is_dry, enum err (*read)(struct call *call));
