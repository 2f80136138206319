/** lane: the queue of one tenant's works, made when there is work and gone when there is none.
 *
 *  A lane is in one place at a time: in the ring of those that are ready, with the thread that
 *  serves it, or at rest. So a tenant's works never run at once. While its batches are with the
 *  committer, the next group is already built:
 *
 *  - The groups of a *chain* are built in one transaction: one snapshot, and above it all that the
 *    chain has written so far. A chain begins when none of the lane's batches is with the
 *    committer; then its snapshot shows everything that the lane has ever made durable. Nobody else
 *    writes to the tenant's rows. So a group sees the state that there will be once the groups
 *    before it are committed, no more and no less.
 *  - A group stays open, and takes in what comes, as long as it would only wait for the committer:
 *    so there are as few and as large batches as if nothing were built ahead.
 *  - The committer takes batches in the order in which they were handed in, several of one lane
 *    into one commit or into one after the other. A batch holds only what its own group wrote. So
 *    what is on the disk is at every moment a whole number of groups, in order.
 *  - A work is answered when its own batch is durable, which is never before those that it was
 *    built upon; a group that wrote nothing goes the same way, for its works have seen what those
 *    before them wrote. So nobody is ever told of what a crash or a full disk can take back.
 *  - When a batch of a chain is not committed, none behind it is: they and what is being built on
 *    them are answered with the same error, and the next chain begins from a fresh snapshot, which
 *    shows none of it.
 *  - A savepoint belongs to its group: what was handed in cannot be undone.
 *  - A chain is bounded in bytes, entries and age (CHAIN_…); then the lane rests until the
 *    committer has all of it.
 *
 *  Floor   store, inside.
 *  Thread  all under `lanes.lock`, but for `space`, which does not change, and `txn` and `open`,
 *          which belong to the thread that serves the lane, or else to the one that ends it.
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
    uint32_t in_flight;    /** batches with the committer */
    bool is_taken;         /** it is ready, or with a thread */
    bool is_full;          /** the chain has reached its bounds */
    bool has_open;         /** `open` is a group that was not handed in */
    struct txn *txn;       /** of the chain; nullptr: none is open */
    struct batch *open;    /** as `txn` */
    uint64_t chain;        /** counts them */
    uint64_t broken_chain; /** a batch of this one was not committed */
    enum err broken_err;
};

/** The committer is done with one of the lane's batches, before its works are answered. */
void lane_release(struct store *store, struct lane *lane);
/** Whether a batch of the same chain before this one was not committed; with which error. */
bool batch_is_broken(struct store *store, const struct batch *batch, enum err *err_out);
/** The batch is not committed, so its chain goes no further. */
void batch_break(struct store *store, const struct batch *batch, enum err err);
/** Tells each work of the group; `err` overrides what the works said. */
void batch_answer(struct store *store, struct batch *batch, enum err err);
/** Hands a batch over. */
void committer_take(struct store *store, struct batch *batch);
