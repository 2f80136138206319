/** job: long work in slices: what a call starts, answers 202 for, and forgets.
 *
 *  A job is a row of its tenant (SYSTEM_JOB). Its kind gives it a step; each step does a bounded
 *  part of the work and hands its changes to the tenant's lane together with the job's new
 *  position, in one commit. So a job that was killed goes on where it was, people's changes get in
 *  between the steps, and nothing is done twice. Jobs of one tenant run one after another, in order
 *  of creation; tenants take turns, a step each, on JOB_THREADS threads.
 *
 *  Floor   work; rests on access, record, model, store, value, base.
 *  Thread  jobs_open, jobs_close: main. job_create: a lane. Steps: a job thread.
 *  Memory  what a step returns or keeps in the row is copied; a step's task and arena are dropped
 *          after it; `live` is the kind's own, between its open and close.
 *  Bytes   SYSTEM_JOB: job id → MessagePack map, see job.c.
 */
#pragma once

#include "access/access.h"
#include "base/buf.h"

constexpr uint32_t JOB_THREADS = 2;
constexpr uint32_t JOBS_OF_TENANT_MAX = 100;             /** queued or running; then 429 */
constexpr int64_t JOB_KEPT_MS = 30LL * 24 * 3600 * 1000; /** ended ones are then forgotten */
constexpr size_t JOB_RESULT_BYTES_MAX = 256 * KIB;

enum job_state : uint8_t { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

/** As stored. */
struct job {
    struct id id;
    str kind;
    enum job_state state;
    struct id actor;
    int64_t created_at_ms, ended_at_ms;
    uint64_t done, total; /** of the kind's own unit; total 0: not known yet */
    struct id group;      /** of all its changes, for undo; nil: it makes none */
    str given;            /** MessagePack: what it was asked to do; never changes */
    str position;         /** MessagePack: the kind's own; empty at the beginning */
    str result;           /** MessagePack map: told to who asks */
    str problem;          /** of a failed one: what was wrong */
};

struct job_run;

/** One row of the table of kinds (work/job_kinds.c). */
struct job_kind {
    str name;
    /** Reads `job.given` and `job.position`; may keep something in run->live. nullptr: nothing to
     *  open. */
    enum err (*open)(struct job_run *run);
    /** A bounded part: reads with transactions of its own, then calls job_write at most once.
     *  Changes run->job (done, total, position, result); an error ends the job as failed, with the
     *  task's fault as its problem. */
    enum err (*step)(struct job_run *run, bool *is_over_out);
    void (*close)(struct job_run *run); /** or nullptr */
};

/** A job while it is running. */
struct job_run {
    struct task *task; /** of this step */
    struct access access;
    const struct hooks *hooks;
    struct tenant tenant; /** with the model that it has now */
    struct scope scope;   /** of the actor, as it is now */
    struct job job;
    void *live;
};

/** Runs `apply` in the tenant's lane, behind a savepoint, and stores the job as it is after it in
 *  the same commit. Blocks until durable. `apply` may be nullptr: only the row is written. */
enum err job_write(struct job_run *run,
                   enum err (*apply)(struct job_run *run, struct txn *txn, void *argument),
                   void *argument);

/** In a lane, inside a change: queues a job, which begins when that change is durable. `job_out`
 *  has id, group and created_at_ms. ERR_LIMITED: JOBS_OF_TENANT_MAX. */
enum err job_create(struct task *task, struct txn *txn, const struct scope *scope, str kind,
                    str given, struct job *job_out);
/** ERR_MISSING. Any transaction of the tenant. */
enum err job_get(struct task *task, struct txn *txn, struct id id, struct job *job_out);
/** In a lane. A queued one ends at once, a running one after its step; ERR_CONFLICT: it is over. */
enum err job_cancel(struct task *task, struct txn *txn, struct id id);
/** The job as `GET /jobs/{id}` tells it. */
void job_write_json(struct buf *json, const struct job *job);

/** Something to be done for each tenant now and then: old uploads, keys, sessions, jobs. */
struct upkeep {
    str name;
    enum err (*run)(struct task *task, const struct access *access, const struct space *space);
};

struct jobs;
/** Starts the threads and takes up what was not over. */
enum err jobs_open(struct task *task, const struct access *access, const struct hooks *hooks,
                   struct jobs **jobs_out);
/** Any thread: a job of this tenant was made durable (a call's `done` says so). */
void jobs_wake(struct jobs *jobs, const struct space *space);
/** Ends after the steps that run; before the store is closed. */
void jobs_close(struct jobs *jobs);
