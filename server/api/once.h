/** once: a POST with an Idempotency-Key is done once, however often it is sent within a day.
 *
 *  The key belongs to its user, method and path. While a request is being done, the same key gets
 *  409; afterwards it gets the kept answer (work/answers.h), with the header idempotency-replayed.
 *
 *  Floor   api, inside.
 *  Thread  once_enter, once_leave: any; the rest: that of the call.
 *  Source  draft-ietf-httpapi-idempotency-key-header.
 */
#pragma once

#include "api/call.h"

constexpr size_t IDEMPOTENCY_KEY_BYTES_MAX = 255;

/** The keys that are being worked on, of one server. */
struct once;
/** In the arena, which outlives the store. */
struct once *once_make(struct arena *arena);

/** ERR_UNREADABLE: the header's value is no key. */
enum err once_judge(struct call *call);
/** Before the call's work begins. ERR_CONFLICT: the same is being done. Without a key it does
 *  nothing, as do the others. */
enum err once_enter(struct call *call);
/** When the work is durable, or was not done. */
void once_leave(struct call *call);
/** With call->txn: the kept answer becomes the call's; *is_known_out then. ERR_INVALID: the key was
 *  used for another request. */
enum err once_find(struct call *call, bool *is_known_out);
/** In the lane of the change: keeps the answer that the call has now; once in a call. */
enum err once_keep(struct call *call);
/** The same in a change of its own, for what no lane does. Blocks. */
enum err once_keep_alone(struct call *call);
