/** job: long work in slices: what a call starts, answers 202 for, and forgets.
 *
 *  A job is a row of its tenant. Its kind gives it a step; each step does a bounded part of the
 *  work and hands its changes to the tenant's lane together with the job's new position, in one
 *  commit. So a job that was killed goes on where it was, people's changes get in between the
 *  steps, and nothing is done twice. Jobs of one tenant run one after another, in order of
 *  creation; tenants take turns, a step each, on JOB_THREADS threads (work/job_threads.c).
 *
 *  Floor   work; rests on access, record, model, store, value, base.
 *  Thread  jobs_open, jobs_close: main. job_create, job_cancel: a lane. Steps: a job thread.
 *  Memory  what a step returns or keeps in the row is copied; a step's task and arena are dropped
 *          after it; run->arena and `live` last from open to close.
 *  Bytes   SYSTEM_JOB: job id → MessagePack map, see job.c. SYSTEM_JOB_LIVE: ids of those not over.
 *          SYSTEM_JOB_GIVEN: what it was asked to do. SYSTEM_JOB_LINES: its result by lines.
 */
#pragma once

#include "access/access.h"
#include "base/buf.h"
#include "base/limits.h"
#include "record/record.h"

constexpr uint32_t JOB_THREADS = 2;
constexpr uint32_t JOBS_OF_TENANT_MAX = 100; /** queued or running; then 429 */
constexpr uint32_t JOBS_KEPT_MAX = 1000;     /** ended ones of a tenant */
constexpr int64_t JOB_KEPT_MS = 30 * DAY_MS; /** ended ones are then forgotten */
constexpr size_t JOB_RESULT_BYTES_MAX = 256 * KIB;
constexpr size_t JOB_POSITION_BYTES_MAX = 64 * KIB;
constexpr size_t JOB_ARENA_BYTES_MAX = 64 * MIB; /** of run->arena */

enum job_state : uint8_t { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

/** As stored. */
struct job {
    struct id id;
    str kind;
    enum job_state state;
    struct id actor; /** nil: the system itself */
    struct id token; /** by which the actor came; nil: by none */
    bool is_proven;  /** the actor had just given the password (scope.is_proven) */
    int64_t created_at_ms, ended_at_ms;
    uint64_t done, total; /** of the kind's own unit; total 0: not known yet */
    struct id group;      /** of all its changes, for undo; nil: it makes none */
    /** MessagePack: what it was asked to do; never changes. Only known while it runs. */
    str given;
    str position; /** MessagePack: the kind's own; empty at the beginning */
    str result;   /** MessagePack map: told to who asks; empty: none yet */
    str problem;  /** of a failed one: MessagePack map {type, title, status, detail, errors} */
    uint32_t line_count; /** chunks of lines that it wrote */
};

struct job_run;
struct rules;

/** One row of the table of kinds (work/job_kinds.c). */
struct job_kind {
    str name;
    /** Reads `job.given` and `job.position`; may keep something in run->live. nullptr: nothing to
     *  open. */
    enum err (*open)(struct job_run *run);
    /** A bounded part: reads by job_read, then calls job_write at most once. Changes run->job
     *  (done, total, position, result). When *is_over_out is set before job_write, the end is
     *  stored in that same commit. An error ends the job as failed, with the task's fault as its
     *  problem; but after ERR_FULL (no room or time now) it is closed, and opened again a while
     *  later where it was stored last. */
    enum err (*step)(struct job_run *run, bool *is_over_out);
    void (*close)(struct job_run *run); /** or nullptr */
};

/** A job while it is running. */
struct job_run {
    struct task *task; /** of this step; its request_id, the cause of changes, is the job's id */
    struct access access;
    const struct hooks *hooks;
    struct rules *rules;
    struct tenant tenant; /** with the model that it has now: within job_read, as that sees it */
    struct scope scope;   /** of the actor, as it is now */
    struct job job;
    struct arena *arena; /** for `live` */
    void *live;
    const struct job_kind *kind;
    bool is_over;      /** the step's *is_over_out */
    bool has_written;  /** this step called job_write */
    bool is_cancelled; /** job_write found it cancelled */
    bool begins_anew;  /** job_write first drops the lines that were written before */
    str lines;         /** of this step, stored by job_write behind those before */
};

/** Runs `read` with a transaction on the tenant's rows, which is closed also when memory runs out
 *  in it. Once or more in a step. */
enum err job_read(struct job_run *run,
                  enum err (*read)(struct job_run *run, struct txn *txn, void *argument),
                  void *argument);

/** Runs `apply` in the tenant's lane, behind a savepoint, and stores the job as it is after it in
 *  the same commit. Blocks until durable. `apply` may be nullptr: only the row is written. */
enum err job_write(struct job_run *run,
                   enum err (*apply)(struct job_run *run, struct txn *txn, void *argument),
                   void *argument);

/** In a lane, inside a change: queues a job, which begins when that change is durable
 *  (task->has_job is set, so that the call wakes the threads). `scope` nullptr: it is the server's
 *  own, may everything and cannot be cancelled. `job_out` has id, group and created_at_ms.
 *  ERR_LIMITED: JOBS_OF_TENANT_MAX. */
enum err job_create(struct task *task, struct txn *txn, const struct scope *scope, str kind,
                    str given, struct job *job_out);
/** ERR_MISSING. Any transaction of the tenant. In the arena of the task. */
enum err job_get(struct task *task, struct txn *txn, struct id id, struct job *job_out);
/** The next older one; `before` nil: the newest. ERR_MISSING at the end. */
enum err job_before(struct task *task, struct txn *txn, struct id before, struct job *job_out);
/** The oldest that is not over, all but what it was asked; ERR_MISSING: none. */
enum err job_live(struct task *task, struct txn *txn, struct job *job_out);
/** In a lane. It ends at once: what its step has not written by now is never written. ERR_CONFLICT:
 *  it is over, or is the server's own. */
enum err job_cancel(struct task *task, struct txn *txn, struct id id, struct job *job_out);
/** One chunk of the lines that it wrote, from 0; ERR_MISSING at the end. */
enum err job_lines(struct task *task, struct txn *txn, struct id id, uint32_t chunk,
                   str *lines_out);
static inline bool job_is_over(const struct job *job)
{
    return job->state >= JOB_DONE;
}
/** The job as `GET /jobs/{id}` tells it. */
void job_write_json(struct buf *json, const struct job *job);

/** In a step's `apply`: a change of this job, as its actor, in its group. */
struct change job_change(const struct job_run *run, struct txn *txn);

/** Something to be done for each tenant now and then: old uploads, keys, sessions, jobs. On a job
 *  thread; bounded: what is left is done the next time. */
struct upkeep {
    str name;
    enum err (*run)(struct task *task, const struct access *access, const struct space *space);
};

/* The tables of the server (work/job_kinds.c). */
extern const struct job_kind job_kinds[];
extern const uint32_t job_kind_count;
extern const struct upkeep upkeeps[];
extern const uint32_t upkeep_count;

struct jobs_options {
    const struct access *access; /** outlives the jobs */
    const struct hooks *hooks;
    struct rules *rules; /** or nullptr: jobs of rules fail */
    const struct job_kind *kinds;
    uint32_t kind_count;
    const struct upkeep *upkeeps;
    uint32_t upkeep_count;
    int64_t upkeep_first_ms; /** after the start */
    int64_t upkeep_every_ms;
};
/** Those of the server: its tables, upkeep after a minute and then hourly. */
struct jobs_options jobs_options_usual(const struct access *access, const struct hooks *hooks);

struct jobs;
/** Starts the threads and takes up what was not over. Its memory is the arena of the task, which
 *  outlives the store: a lane may wake jobs until the store is closed. */
enum err jobs_open(struct task *task, const struct jobs_options *options, struct jobs **jobs_out);
/** Any thread: a job of this tenant was made durable (a call's `done` says so). After jobs_close it
 *  does nothing. */
void jobs_wake(struct jobs *jobs, const struct space *space);
/** Blocks until the job is over, for commands; `progress` is called now and then and may be
 *  nullptr; false ends the waiting. *job_out lies in the arena of the task. */
enum err jobs_wait(struct jobs *jobs, struct task *task, const struct space *space, struct id id,
                   bool (*progress)(void *owner, const struct job *job), void *owner,
                   struct job *job_out);
/** Ends after the steps that run; before the store is closed. */
void jobs_close(struct jobs *jobs);
