/** batch: the writes of one group of works of one tenant, as bytes, and how they are applied.
 *
 *  Applying is a pure function of environment and batch: the seam at which batches may one day come
 *  from a replicated log.
 *
 *  Floor   store, inside.
 *  Thread  made on a lane thread, then the committer's.
 *  Bytes   MessagePack [version, tenant, rows]; the rows are bytes, one behind another in the order
 *          of (database, key), numbers big-endian:
 *          database 1 | length of key 2 | length of value 4 | key | stored value
 *          The length FF FF FF FF deletes the key and has no value.
 */
#pragma once

#include "store/snapshot.h"

constexpr int64_t BATCH_VERSION = 2;

struct batch {
    struct batch *next;
    struct lane *lane;
    uint64_t chain;     /** of the lane, see store/lane.h */
    struct arena arena; /** of the bytes */
    str bytes;          /** empty: its works wrote nothing, but wait for those before them */
    struct work *works; /** of the group, in order; linked by `next` */
    struct work **works_end;
    uint32_t work_count;
    uint64_t log_newest; /** 0: the tenant's log does not grow by it */
    bool has_outbox;     /** it puts something into the tenant's outbox */
};

struct batch *batch_open(struct lane *lane);
void batch_close(struct batch *batch);

/** Writes what is pending of the present group as the batch's bytes. */
void batch_write(struct batch *batch, uint32_t tenant, const struct pending *pending);

/** Applies the bytes within a write transaction; an LMDB code. MDB_CORRUPTED: not a batch, or a key
 *  of another tenant. The transaction must be aborted unless it is 0. */
int batch_apply(MDB_txn *mdb, const MDB_dbi databases[DATABASE_COUNT], str bytes);
