/** feed: the changes of a firm as server-sent events, on answers that stay open by the thousand.
 *
 *  An open stream is a small struct on its event loop: no thread, no transaction, no arena. The
 *  store tells after a commit that a firm's log has grown; each loop that has streams of that firm
 *  is woken once, reads the new entries once for all streams that stand at the same place and see
 *  the same, and gives them the same bytes. A stream whose peer is slow falls behind alone and
 *  catches up by its own position, slice by slice, taking turns with all others and with requests.
 *  Before anything is written to a stream, be it a change or a sign of life, its firm, session or
 *  token, and user are looked up again.
 *
 *  Floor   api, inside.
 *  Thread  feed_make, feed_drop: main. feed_committed: any. The rest: a loop, which alone touches
 *          its channels and streams; a lock guards the topics, for a few instructions.
 *  Memory  of its own, until the stream ends. Formed events are kept for a second at most.
 *  Source  HTML, 9.2 (server-sent events). `id` is the change's sequence in the log.
 */
#pragma once

#include "api/call.h"

struct feed;

struct feed *feed_make(const struct access *access, const struct feed_limits *limits);
/** After the loops have ended. */
void feed_drop(struct feed *feed);
/** Of store_watch. */
void feed_committed(void *feed, uint32_t tenant, uint64_t newest);
/** Of http_options. */
void feed_woken(struct feed *feed, uint32_t loop);
void feed_tick(struct feed *feed, uint32_t loop);
uint32_t feed_streams(const struct feed *feed);
/** Open ones of a tenant. Any thread. */
uint32_t feed_streams_of(struct feed *feed, uint32_t tenant);

/** On the loop: answers with a stream of what stands in the log behind `after`, then of what comes.
 *  ERR_LIMITED: the firm has as many as its quota is; ERR_FULL: the server has. */
enum err feed_answer(struct call *call, uint64_t after);
