/** bulk_turn: some operations of a job in one turn of the lane, each behind a savepoint of its own,
 *  with a line for what came of it.
 *
 *  Floor   work, inside.
 *  Thread  a lane; bulk_turns_open and _close: a job thread.
 *  Bytes   position of such a job: [operations done, place, created, updated, deleted, failed];
 *          result: {"created", "updated", "deleted", "failed"}.
 */
#pragma once

#include "work/bulk.h"
#include "work/import_pace.h"

constexpr uint32_t BULK_TURN_OPERATIONS_MAX = 500;
constexpr size_t BULK_TURN_BYTES_MAX = 1 * MIB; /** of what is given; or one operation */

/** From open to close. */
struct bulk_turns {
    struct import_pace pace;
    struct arena arena; /** of one operation; cleared behind it */
    uint64_t index;     /** of the next operation */
    str place;          /** the kind's own: where the next one stands; in run->arena */
    uint64_t counts[4]; /** created, updated, deleted, failed */
    bool tells_index;   /** in the lines */
    /* Of the turn. */
    const struct entity *entity;
    int64_t end_ns, ended_ns;
    uint32_t done;
    size_t bytes;
    struct buf lines;
};

/** Reads the position of the job. */
enum err bulk_turns_open(struct bulk_turns *turns, struct job_run *run);
void bulk_turns_close(struct bulk_turns *turns);
/** The entity that the job is about, in the model of now; ERR_CONFLICT: it is gone. */
enum err bulk_entity(struct job_run *run, const struct entity **entity_out);

/** Whether another operation of so many bytes goes into this turn. */
bool bulk_turn_has_room(const struct bulk_turns *turns, size_t bytes);
/** Runs one that was read (or was not: `err` and task->fault say why). ERR_NONE also when it
 *  failed, which its line tells. `task` is that of this operation. */
enum err bulk_turn_run(struct bulk_turns *turns, struct job_run *run, struct txn *txn,
                       struct task *task, struct bulk_operation *operation, enum err err);
/** job_write of a turn: `apply` runs operations while there is room, then sets `place` and whether
 *  the job is over. */
enum err bulk_turn_write(struct bulk_turns *turns, struct job_run *run,
                         enum err (*apply)(struct job_run *run, struct txn *txn, void *argument),
                         void *argument);
