/** reply: forms answers; the one place from which they leave api/.
 *
 *  Floor   api, inside.
 *  Thread  that of the call.
 */
#pragma once

#include "api/call.h"
#include "base/buf.h"

/** A buffer for the body, as large as may be where the call runs. */
struct buf reply_buf(const struct call *call);
/** ERR_TOO_LARGE when the buffer is over. */
enum err reply_json(struct call *call, int status, const struct buf *json);
void reply_empty(struct call *call, int status);
/** Name and value must outlive the call, or lie in its arena. */
void reply_header(struct call *call, str name, str value);
/** How many keys were touched, for those who ask why a query is slow. */
void reply_keys_touched(struct call *call);

/** Sends what the function formed, or the problem document of its error. The call is over: a task
 *  and its arena are gone. */
void call_answer(struct call *call, enum err err);
/** Sends the problem document of a status that is no `err`. */
void call_answer_status(struct call *call, int status, str slug, str title, str detail);
