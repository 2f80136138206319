/** reveal: the value of a secret field, one at a time.
 *
 *  Floor   api, inside.
 *  Thread  a lane: that it was shown is durable before it is.
 */
#pragma once

#include "api/call.h"

/** `POST /api/v1/{collection}/{id}/reveal` with `{"field"}`. */
enum err reveal(struct call *call);
