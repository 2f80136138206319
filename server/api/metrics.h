/** metrics: figures of store and http as Prometheus reads them, at the operator's listener.
 *
 *  Floor   api, inside.
 *  Thread  loop.
 *  Source  Prometheus text format 0.0.4.
 */
#pragma once

#include "api/call.h"

enum err metrics_read(struct call *call);
