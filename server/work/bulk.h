/** bulk: many operations on records of one entity: all of them in one change, or each by itself in
 *  a job that keeps what came of each.
 *
 *  An operation is {"create": {…}}, {"patch": {"id": …, …}, "if_match": …} or {"delete": id,
 *  "if_match": …}. A bulk edit does one thing with all records that a filter tree means: those that
 *  are there when it begins, each judged again when its turn comes.
 *
 *  Floor   work.
 *  Thread  a lane, with its change; the kinds of jobs: a job thread.
 *  Bytes   given of a job "bulk": {1: entity number, 2: list of operations} or {1: …, 3: upload};
 *          of a job "bulk_edit": {1: entity number, 4: filter tree, 5: patch}, to delete without 5.
 *          Lines of the result: {"index", "operation", "status", "id"[, "problem"]}.
 */
#pragma once

#include "record/record.h"
#include "work/job.h"

constexpr uint32_t BULK_ATOMIC_MAX = 1000;        /** operations of one change */
constexpr uint32_t BULK_OPERATIONS_MAX = 100'000; /** of one job */
constexpr size_t BULK_LINE_BYTES_MAX = 512 * KIB; /** of an operation in an upload */

enum bulk_key : uint8_t {
    BULK_ENTITY = 1,
    BULK_OPERATIONS = 2,
    BULK_UPLOAD = 3,
    BULK_FILTER = 4,
    BULK_PATCH = 5,
};

struct bulk_operation {
    enum operation verb;
    struct id id;       /** not of a creation, until it is done */
    struct value given; /** API values, not of a deletion */
    bool has_tag;
    struct etag tag;
};

/** Reads one; ERR_INVALID with faults below task->path. What it points to is a view of `given` or
 *  lies in task->arena. */
enum err bulk_operation_read(struct task *task, const struct value *given,
                             struct bulk_operation *operation_out);
/** In a lane; sets the id of a creation. Errors as the record calls. */
enum err bulk_operation_run(struct change *change, const struct entity *entity,
                            struct bulk_operation *operation);
/** `"operation":"create","status":201,"id":"…"` or, with an error, its problem too. */
void bulk_result_write(struct buf *json, struct arena *arena,
                       const struct bulk_operation *operation, enum err err,
                       const struct fault *fault);

/* The kinds. */
enum err bulk_open(struct job_run *run);
enum err bulk_step(struct job_run *run, bool *is_over_out);
void bulk_close(struct job_run *run);
enum err bulk_edit_open(struct job_run *run);
enum err bulk_edit_step(struct job_run *run, bool *is_over_out);
void bulk_edit_close(struct job_run *run);
