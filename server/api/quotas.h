/** quotas: the bound of requests, and what a firm is told of all its bounds.
 *
 *  Floor   api, inside.
 *  Thread  that of the call.
 */
#pragma once

#include "api/call.h"

/** GET /api/v1/quotas */
enum err quotas_list(struct call *call);
/** One request of somebody who has entered. ERR_LIMITED: the firm has made as many as it may. */
enum err quotas_take_request(struct call *call);
/** What each tenant has in use, for the operator's figures. */
enum err quotas_write_figures(struct call *call, struct buf *text);
