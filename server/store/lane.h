/** lane: the queue of one tenant's works, made when there is work and gone when there is none.
 *
 *  States: queued works and not ready → ready (in the ring) → served by a thread → its batch is
 *  with the committer → ready again, or gone. A lane is in one place at a time, so a tenant's works
 *  never run at once.
 *
 *  Floor   store, inside.
 *  Thread  all under `lanes.lock`, but for `space`, which does not change.
 */
#pragma once

#include "store/batch.h"

struct lane {
    struct lane *next_bucket;
    struct lane *next_ready;
    struct space space;
    struct work *first;
    struct work **end;
    uint32_t waiting;
};

/** The committer is done with the lane's batch: the lane is ready again or goes. */
void lane_release(struct store *store, struct lane *lane);
/** Tells each work of the group; `err` overrides what the works said. */
void batch_answer(struct store *store, struct batch *batch, enum err err);
/** Hands a batch over. */
void committer_take(struct store *store, struct batch *batch);
