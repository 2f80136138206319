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
/** An answer in slices, for what is too long to lie in memory; only on ROAD_SLICES. The function of
 *  the table judges the request, sets headers and calls this with status 200; then `next` is called
 *  on a worker, again and again as the peer takes what came before, each time with a fresh
 *  transaction and an arena (call->task->arena) that is cleared before it. It adds some
 *  SLICE_BYTES_USUAL to `slice`, at least one byte, and says when that was the end. What it needs
 *  from one time to the next lies in what the function of the table took from its arena, and is
 *  found through call->state. An error breaks the transfer off, so that nobody takes what came for
 *  the whole. */
void reply_slices(struct call *call, str content_type,
                  enum err (*next)(struct call *call, struct buf *slice, bool *is_over_out),
                  void *state);
void reply_empty(struct call *call, int status);
/** Name and value must outlive the call, or lie in its arena. */
void reply_header(struct call *call, str name, str value);
/** How many keys were touched, for those who ask why a query is slow. */
void reply_keys_touched(struct call *call);

/** Sends what the function formed, or the problem document of its error. The call is over: a task
 *  and its arena are gone. */
void call_answer(struct call *call, enum err err);
/** 406: neither of the forms is taken. */
void call_answer_unwanted(struct call *call);
/** Sends the problem document of a status that is no `err`. */
void call_answer_status(struct call *call, int status, str slug, str title, str detail);
