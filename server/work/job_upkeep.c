#include "work/job_upkeep.h"

#include "base/require.h"
#include "rules/trace.h"
#include "work/job_rows.h"

constexpr uint32_t JOBS_FORGOTTEN_MAX = 200; /** of a tenant in one run */
constexpr uint32_t JOBS_SEEN_AT_ONCE = 20;   /** in one transaction; their rows may be large */
constexpr uint32_t JOBS_WALKED_MAX = 100'000;
constexpr uint32_t TRACE_WORKS_MAX = 100; /** in one run; the rest goes the next time */

struct forgetting {
    struct work work;
    struct task *task;
    uint32_t seen; /** newest first */
    struct id last;
    uint32_t count;
    struct id ids[JOBS_FORGOTTEN_MAX];
};

static bool job_has_had_its_time(const struct job *job, uint32_t newer, int64_t now_ms)
{
    if (!job_is_over(job)) return false;
    return newer >= JOBS_KEPT_MAX || now_ms - job->ended_at_ms > JOB_KEPT_MS;
}

/** Some older ones; ERR_MISSING behind the oldest. */
static enum err look(struct forgetting *self, const struct space *space)
{
    struct arena arena;
    struct task task;
    struct txn *txn;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&task, &arena);
    enum err err = txn_open(&task, space, &txn);
    if (err == ERR_NONE) {
        for (uint32_t seen = 0; err == ERR_NONE && seen < JOBS_SEEN_AT_ONCE; seen++) {
            struct job job;
            if (self->count == JOBS_FORGOTTEN_MAX) err = ERR_MISSING;
            else err = job_before(&task, txn, self->last, &job);
            if (err != ERR_NONE) break;
            self->last = job.id;
            if (job_has_had_its_time(&job, self->seen++, self->task->now_ms))
                self->ids[self->count++] = job.id;
        }
        txn_close(txn);
    }
    arena_drop(&arena);
    return err;
}

static enum err forget(struct work *work, struct txn *txn)
{
    struct forgetting *self = (struct forgetting *)work;
    txn_set_task(txn, self->task);
    for (uint32_t at = 0; at < self->count; at++) {
        struct job job;
        TRY(job_get(self->task, txn, self->ids[at], &job));
        job_forget(txn, &job);
    }
    return ERR_NONE;
}

enum err job_upkeep(struct task *task, const struct access *access, const struct space *space)
{
    struct forgetting *self = arena_new(task->arena, struct forgetting, 1);
    self->task = task;
    enum err err = ERR_NONE;
    while (err == ERR_NONE && self->seen < JOBS_WALKED_MAX) err = look(self, space);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    if (self->count == 0) return ERR_NONE;
    self->work = (struct work){.run = forget, .arena = task->arena};
    return store_write(access->store, space, &self->work);
}

/* Traces. */

struct sweeping {
    struct work work;
    struct task *task;
    bool has_more;
};

static enum err sweep(struct work *work, struct txn *txn)
{
    struct sweeping *self = (struct sweeping *)work;
    txn_set_task(txn, self->task);
    return traces_sweep(self->task, txn, &self->has_more);
}

enum err traces_upkeep(struct task *task, const struct access *access, const struct space *space)
{
    struct arena arena;
    struct task own;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&own, &arena);
    own.now_ms = task->now_ms;
    struct sweeping self = {.task = &own, .has_more = true};
    enum err err = ERR_NONE;
    for (uint32_t works = 0; err == ERR_NONE && self.has_more && works < TRACE_WORKS_MAX; works++) {
        self.work = (struct work){.run = sweep, .arena = &arena};
        err = store_write(access->store, space, &self.work);
        arena_clear(&arena);
    }
    arena_drop(&arena);
    return err;
}
