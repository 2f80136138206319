/* The threads of jobs: whose turn it is, one step of it, what becomes of it. */
#include <pthread.h>
#include <time.h>

#include "access/token.h"
#include "access/user.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/require.h"
#include "record/models.h"
#include "value/value.h"
#include "work/job_rows.h"

constexpr int64_t NS_PER_MS = 1'000'000;
constexpr int64_t NS_PER_S = 1000 * NS_PER_MS;
constexpr int64_t HOUR_NS = 3600 * NS_PER_S;
constexpr int64_t UPKEEP_FIRST_MS = 60'000;
constexpr int64_t UPKEEP_EVERY_MS = 3'600'000;
constexpr int64_t FULL_WAIT_NS_MIN = 50 * NS_PER_MS; /** after ERR_FULL; then twice as long */
constexpr int64_t FULL_WAIT_NS_MAX = 30'000 * NS_PER_MS;
constexpr long LOOK_NS = 20 * NS_PER_MS;   /** jobs_wait looks this often */
constexpr uint32_t TAKEN_UP_AT_ONCE = 200; /** tenants looked at in one transaction */

/** A tenant with a job that is not over, or so it is believed. */
struct turn {
    struct turn *next;
    struct space space;
    int64_t due_ns;  /** not before */
    int64_t wait_ns; /** the last wait after ERR_FULL; 0: the last step went well */
    bool is_running; /** a thread has it */
    bool is_woken;   /** while it was running */
    /* Of the thread that has it. */
    bool is_open; /** the kind's open was called */
    struct arena arena;
    struct job_run run;
};

struct jobs {
    struct jobs_options options;
    pthread_mutex_t lock; /** guards all below; held for a few instructions */
    pthread_cond_t has_turn;
    bool is_closing;
    struct turn *first; /** in order of turns */
    struct turn **end;
    bool is_upkeeping;
    int64_t upkeep_due_ns;
    uint32_t upkeep_after; /** number of the tenant whose upkeep was done last */
    pthread_t threads[JOB_THREADS];
    uint32_t thread_count;
};

/* The queue: everything here is called under jobs->lock. */

static void turn_append(struct jobs *jobs, struct turn *turn)
{
    turn->next = nullptr;
    *jobs->end = turn;
    jobs->end = &turn->next;
}

static void turn_remove(struct jobs *jobs, struct turn *turn)
{
    struct turn **link = &jobs->first;
    while (*link != turn) link = &(*link)->next;
    *link = turn->next;
    if (turn->next == nullptr) jobs->end = link;
}

static struct turn *turn_find(const struct jobs *jobs, uint32_t tenant)
{
    struct turn *turn = jobs->first;
    while (turn != nullptr && turn->space.number != tenant) turn = turn->next;
    return turn;
}

static struct turn *turn_make(struct jobs *jobs, const struct space *space)
{
    struct turn *turn = memory_take(sizeof *turn);
    turn->space = *space;
    arena_init(&turn->arena, JOB_ARENA_BYTES_MAX);
    turn_append(jobs, turn);
    return turn;
}

/** The first that is due, or nullptr; then *due_ns_out is when one will be. */
static struct turn *turn_due(const struct jobs *jobs, int64_t now_ns, int64_t *due_ns_out)
{
    for (struct turn *turn = jobs->first; turn != nullptr; turn = turn->next) {
        if (turn->is_running) continue;
        if (turn->due_ns <= now_ns) return turn;
        if (turn->due_ns < *due_ns_out) *due_ns_out = turn->due_ns;
    }
    return nullptr;
}

/* One step. */

enum turn_end : uint8_t {
    TURN_AGAIN,
    TURN_IDLE, /** no job is left, or none that can be run */
    TURN_FULL, /** no room or time now */
};

struct reading {
    struct job_run *run;
    struct txn *txn;
    enum err (*read)(struct job_run *run, struct txn *txn, void *argument);
    void *argument;
};

static enum err reading_run(void *argument)
{
    struct reading *reading = argument;
    return reading->read(reading->run, reading->txn, reading->argument);
}

/** The tenant's rows, from the instance's: so that its own row is seen too. */
enum err job_read(struct job_run *run,
                  enum err (*read)(struct job_run *run, struct txn *txn, void *argument),
                  void *argument)
{
    struct task *task = run->task;
    struct space instance = store_instance(run->access.store);
    struct reading reading = {.run = run, .read = read, .argument = argument};
    TRY(txn_open(task, &instance, &reading.txn));
    enum err err =
        tenant_enter_number(reading.txn, &run->access, run->tenant.space.number, &run->tenant);
    if (err == ERR_NONE) {
        run->tenant.name = arena_copy(task->arena, run->tenant.name);
        run->tenant.title = arena_copy(task->arena, run->tenant.title);
        err = arena_guard(task->arena, reading_run, &reading);
    }
    txn_close(reading.txn);
    return err;
}

static void turn_close(struct turn *turn)
{
    struct job_run *run = &turn->run;
    if (!turn->is_open) return;
    if (run->kind->close != nullptr) run->kind->close(run);
    turn->is_open = false;
    run->live = nullptr;
    arena_clear(&turn->arena);
}

/** What the step had made is gone with its arena; what `close` may look at is not. */
static void turn_rest(struct turn *turn)
{
    struct job *job = &turn->run.job;
    job->kind = job->position = job->result = job->problem = turn->run.lines = S("");
    turn->run.task = nullptr;
}

/** Who acts: what he may do now, not what he might when he asked. */
static enum err actor_load(struct job_run *run, struct txn *txn)
{
    if (id_is_nil(run->job.actor)) {
        run->scope = scope_system();
        return ERR_NONE;
    }
    struct identity identity = {};
    enum err err = user_identify(txn, &run->access, run->job.actor, &identity);
    if (err == ERR_UNAUTHENTICATED)
        return fail(run->task, ERR_FORBIDDEN,
                    "the user who started this job is gone or may no longer sign in");
    TRY(err);
    run->scope = identity.scope;
    run->scope.is_proven = run->job.is_proven;
    if (id_is_nil(run->job.token)) return ERR_NONE;
    err = token_narrow(txn, run->tenant.model, run->job.token, &run->scope);
    if (err == ERR_UNAUTHENTICATED)
        return fail(run->task, ERR_FORBIDDEN, "the token by which this job was started is over");
    return err;
}

static enum err turn_load(struct job_run *run, struct txn *txn, void *argument)
{
    struct turn *turn = argument;
    struct job job;
    if (run->tenant.is_suspended) return ERR_MISSING;
    enum err err = job_live(run->task, txn, &job);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    run->is_cancelled = turn->is_open && (err == ERR_MISSING || !id_eq(job.id, run->job.id));
    if (run->is_cancelled) return ERR_MISSING;
    TRY(err);
    str given = run->job.given;
    run->job = job;
    if (!turn->is_open) arena_clear(&turn->arena);
    if (turn->is_open) run->job.given = given;
    else if (job_given(txn, job.id, &turn->arena, &run->job.given) != ERR_NONE)
        return fail(run->task, ERR_CORRUPT, "what a job was given is damaged");
    run->task->request_id = job.id;
    return actor_load(run, txn);
}

static enum err kind_find(const struct jobs *jobs, struct job_run *run)
{
    for (uint32_t at = 0; at < jobs->options.kind_count; at++) {
        run->kind = &jobs->options.kinds[at];
        if (str_eq(run->kind->name, run->job.kind)) return ERR_NONE;
    }
    return fail(run->task, ERR_CONFLICT,
                "this version of the server knows no jobs of the kind %.*s", FMT(run->job.kind));
}

/* Writing. */

struct writing {
    struct work work;
    struct job_run *run;
    enum err (*apply)(struct job_run *run, struct txn *txn, void *argument);
    void *argument;
};

static enum err writing_run(struct work *work, struct txn *txn)
{
    struct writing *writing = (struct writing *)work;
    struct job_run *run = writing->run;
    struct job present;
    txn_set_task(txn, run->task);
    enum err err = job_get(run->task, txn, run->job.id, &present);
    if (err == ERR_MISSING || (err == ERR_NONE && job_is_over(&present))) {
        run->is_cancelled = true;
        return fail(run->task, ERR_CONFLICT, "the job was cancelled");
    }
    TRY(err);
    TRY(model_of(run->task, txn, run->tenant.model, &run->tenant.model));
    if (writing->apply != nullptr) TRY(writing->apply(run, txn, writing->argument));
    struct job *job = &run->job;
    if (run->begins_anew) job_lines_drop(txn, &present);
    job->line_count = present.line_count;
    if (run->lines.len > 0) job_lines_put(txn, job, run->lines);
    if (job->state != JOB_FAILED) job->state = run->is_over ? JOB_DONE : JOB_RUNNING;
    if (job_is_over(job)) job->ended_at_ms = run->task->now_ms;
    return job_row_put(txn, job);
}

enum err job_write(struct job_run *run,
                   enum err (*apply)(struct job_run *run, struct txn *txn, void *argument),
                   void *argument)
{
    struct writing writing = {
        .work = {.run = writing_run, .arena = run->task->arena},
        .run = run,
        .apply = apply,
        .argument = argument,
    };
    TRY(store_write(run->access.store, &run->tenant.space, &writing.work));
    run->has_written = true;
    run->begins_anew = false;
    run->lines = S("");
    return ERR_NONE;
}

static enum err apply_failure(struct job_run *run, struct txn *txn, void *argument)
{
    const str *problem = argument;
    TRY(job_get(run->task, txn, run->job.id, &run->job));
    run->job.state = JOB_FAILED;
    run->job.problem = *problem;
    return ERR_NONE;
}

/** Ends the job as failed, where it was stored last. The step's own arena may be spent: that is
 *  what it may have failed of. */
static enum err turn_fail(struct turn *turn, enum err why)
{
    struct job_run *run = &turn->run;
    struct task *failed = run->task;
    struct arena arena;
    struct task task;
    log_info("jobs", "tenant %u: a job failed: %.*s: %.*s", run->tenant.space.number,
             FMT(err_slug(why)), FMT(failed->fault.detail));
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&task, &arena);
    str problem = job_problem(&arena, &failed->fault, why);
    run->task = &task;
    run->lines = S("");
    enum err err = job_write(run, apply_failure, &problem);
    run->task = failed;
    arena_drop(&arena);
    return err;
}

struct stepping {
    const struct jobs *jobs;
    struct turn *turn;
};

static enum err step_guarded(void *argument)
{
    const struct stepping *stepping = argument;
    struct turn *turn = stepping->turn;
    struct job_run *run = &turn->run;
    if (!turn->is_open) {
        TRY(kind_find(stepping->jobs, run));
        turn->is_open = true;
        if (run->kind->open != nullptr) TRY(run->kind->open(run));
    }
    run->is_over = run->has_written = run->is_cancelled = false;
    TRY(run->kind->step(run, &run->is_over));
    bool is_stored = run->has_written && run->is_over == job_is_over(&run->job);
    return is_stored ? ERR_NONE : job_write(run, nullptr, nullptr);
}

static enum turn_end step_run(const struct jobs *jobs, struct turn *turn)
{
    struct job_run *run = &turn->run;
    struct stepping stepping = {jobs, turn};
    struct id none = {};
    run->job.id = turn->is_open ? run->job.id : none;
    run->is_cancelled = false;
    enum err err = job_read(run, turn_load, turn);
    bool is_loaded = !id_is_nil(run->job.id);
    bool has_job = err != ERR_MISSING;
    if (err == ERR_NONE) err = arena_guard(run->task->arena, step_guarded, &stepping);
    if (err == ERR_NONE && !job_is_over(&run->job)) return TURN_AGAIN;
    turn_close(turn);
    /* One that was open was cancelled, or its firm rests or is gone: the job is let be. */
    if (!has_job) return run->is_cancelled ? TURN_AGAIN : TURN_IDLE;
    if (err == ERR_NONE || run->is_cancelled) return TURN_AGAIN;
    /* Room under a quota is for people to make: waiting for it would never end. */
    bool is_over = quota_fault_stands(&turn->run.task->fault.quota);
    if (err == ERR_FULL || (err == ERR_LIMITED && !is_over)) return TURN_FULL;
    if (!is_loaded) {
        log_error("jobs", "tenant %u: its jobs cannot be read: %.*s", turn->space.number,
                  FMT(err_slug(err)));
        return TURN_IDLE;
    }
    err = turn_fail(turn, err);
    if (err == ERR_FULL) return TURN_FULL;
    return err == ERR_NONE || run->is_cancelled ? TURN_AGAIN : TURN_IDLE;
}

static enum turn_end turn_step(const struct jobs *jobs, struct turn *turn)
{
    struct arena arena;
    struct task task;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&task, &arena);
    struct job_run *run = &turn->run;
    run->task = &task;
    run->access = *jobs->options.access;
    run->hooks = jobs->options.hooks;
    run->rules = jobs->options.rules;
    run->arena = &turn->arena;
    run->tenant = (struct tenant){.space = turn->space, .model = run->access.model};
    enum turn_end end = step_run(jobs, turn);
    turn_rest(turn);
    arena_drop(&arena);
    return end;
}

/* Upkeep. */

struct upkeep_round {
    struct jobs *jobs;
    struct task task;
    struct tenant tenant;
    bool has_live_job;
};

static enum err upkeep_find(struct upkeep_round *round, uint32_t after)
{
    const struct access *access = round->jobs->options.access;
    struct space instance = store_instance(access->store);
    struct txn *txn;
    TRY(txn_open(&round->task, &instance, &txn));
    enum err err = tenant_after(txn, access, after, &round->tenant);
    if (err == ERR_NONE) {
        struct job job;
        txn_enter(txn, &round->tenant.space);
        round->has_live_job = job_live(&round->task, txn, &job) == ERR_NONE;
    }
    txn_close(txn);
    return err;
}

static enum err upkeep_guarded(void *argument)
{
    struct upkeep_round *round = argument;
    const struct jobs_options *options = &round->jobs->options;
    for (uint32_t at = 0; at < options->upkeep_count; at++) {
        const struct upkeep *upkeep = &options->upkeeps[at];
        enum err err = upkeep->run(&round->task, options->access, &round->tenant.space);
        if (err == ERR_NONE) continue;
        log_warning("jobs", "tenant %u: upkeep of %.*s: %.*s", round->tenant.space.number,
                    FMT(upkeep->name), FMT(err_slug(err)));
        task_fault_clear(&round->task);
    }
    return ERR_NONE;
}

/** Of one tenant; false behind the last. Also takes up jobs of one who was suspended. */
static bool upkeep_of_next(struct jobs *jobs, uint32_t after, uint32_t *tenant_out)
{
    struct upkeep_round round = {.jobs = jobs};
    struct arena arena;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&round.task, &arena);
    enum err err = upkeep_find(&round, after);
    bool has_one = err == ERR_NONE;
    if (has_one) {
        *tenant_out = round.tenant.space.number;
        (void)!arena_guard(&arena, upkeep_guarded, &round);
        if (round.has_live_job) jobs_wake(jobs, &round.tenant.space);
    } else if (err != ERR_MISSING) {
        log_warning("jobs", "upkeep ends early: %.*s", FMT(err_slug(err)));
    }
    arena_drop(&arena);
    return has_one;
}

/* Threads. */

/** Waits for something to do; false when closing. Both nullptr and false: look again. */
static bool work_take(struct jobs *jobs, struct turn **turn_out, bool *is_upkeep_out)
{
    *turn_out = nullptr;
    *is_upkeep_out = false;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->is_closing && *turn_out == nullptr && !*is_upkeep_out) {
        int64_t now_ns = clock_monotonic_ns();
        int64_t due_ns = jobs->is_upkeeping ? INT64_MAX : jobs->upkeep_due_ns;
        if (due_ns <= now_ns) {
            jobs->is_upkeeping = *is_upkeep_out = true;
        } else if ((*turn_out = turn_due(jobs, now_ns, &due_ns)) == nullptr) {
            /* An hour at most, so that no clock is asked for what it cannot say. */
            int64_t until_ns = due_ns - now_ns > HOUR_NS ? now_ns + HOUR_NS : due_ns;
            struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
            (void)pthread_cond_timedwait(&jobs->has_turn, &jobs->lock, &until);
        }
    }
    if (*turn_out != nullptr) {
        (*turn_out)->is_running = true;
        (*turn_out)->is_woken = false;
    }
    bool is_closing = jobs->is_closing;
    pthread_mutex_unlock(&jobs->lock);
    return !is_closing;
}

static void turn_free(struct turn *turn)
{
    turn_close(turn);
    arena_drop(&turn->arena);
    memory_give(turn);
}

/** Behind all others, or away. */
static void turn_give(struct jobs *jobs, struct turn *turn, enum turn_end end)
{
    pthread_mutex_lock(&jobs->lock);
    turn->is_running = false;
    turn_remove(jobs, turn);
    bool is_idle = end == TURN_IDLE && !turn->is_woken;
    int64_t wait_ns = 2 * turn->wait_ns;
    if (wait_ns < FULL_WAIT_NS_MIN) wait_ns = FULL_WAIT_NS_MIN;
    if (wait_ns > FULL_WAIT_NS_MAX) wait_ns = FULL_WAIT_NS_MAX;
    turn->wait_ns = end == TURN_FULL ? wait_ns : 0;
    turn->due_ns = end == TURN_FULL ? clock_monotonic_ns() + wait_ns : 0;
    if (!is_idle) turn_append(jobs, turn);
    pthread_mutex_unlock(&jobs->lock);
    if (is_idle) turn_free(turn);
}

static void upkeep_run(struct jobs *jobs)
{
    uint32_t tenant = 0;
    bool has_more = upkeep_of_next(jobs, jobs->upkeep_after, &tenant);
    pthread_mutex_lock(&jobs->lock);
    jobs->upkeep_after = has_more ? tenant : 0;
    if (!has_more)
        jobs->upkeep_due_ns = clock_monotonic_ns() + jobs->options.upkeep_every_ms * NS_PER_MS;
    jobs->is_upkeeping = false;
    pthread_mutex_unlock(&jobs->lock);
}

static void *jobs_thread(void *argument)
{
    struct jobs *jobs = argument;
    struct turn *turn;
    bool is_upkeep;
    while (work_take(jobs, &turn, &is_upkeep)) {
        if (is_upkeep) upkeep_run(jobs);
        else turn_give(jobs, turn, turn_step(jobs, turn));
    }
    return nullptr;
}

void jobs_wake(struct jobs *jobs, const struct space *space)
{
    pthread_mutex_lock(&jobs->lock);
    struct turn *turn = jobs->is_closing ? nullptr : turn_find(jobs, space->number);
    if (turn != nullptr) turn->is_woken = true;
    else if (!jobs->is_closing) (void)turn_make(jobs, space);
    pthread_cond_signal(&jobs->has_turn);
    pthread_mutex_unlock(&jobs->lock);
}

/* Life. */

/** Some tenants behind `after`, in one transaction; ERR_MISSING behind the last. */
static enum err take_up_some(struct task *task, struct jobs *jobs, uint32_t *after)
{
    const struct access *access = jobs->options.access;
    struct space instance = store_instance(access->store);
    struct txn *txn;
    TRY(txn_open(task, &instance, &txn));
    enum err err = ERR_NONE;
    for (uint32_t count = 0; err == ERR_NONE && count < TAKEN_UP_AT_ONCE; count++) {
        struct tenant tenant;
        struct job job;
        txn_enter(txn, &instance);
        err = tenant_after(txn, access, *after, &tenant);
        if (err != ERR_NONE) break;
        *after = tenant.space.number;
        txn_enter(txn, &tenant.space);
        if (job_live(task, txn, &job) == ERR_NONE) (void)turn_make(jobs, &tenant.space);
    }
    txn_close(txn);
    return err;
}

static enum err take_up(struct task *task, struct jobs *jobs)
{
    struct arena arena;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    enum err err = ERR_NONE;
    for (uint32_t after = 0; err == ERR_NONE;) {
        struct task look;
        task_init(&look, &arena);
        err = take_up_some(&look, jobs, &after);
        arena_clear(&arena);
    }
    arena_drop(&arena);
    return err == ERR_MISSING ? ERR_NONE : fail(task, err, "jobs cannot be taken up");
}

struct jobs_options jobs_options_usual(const struct access *access, const struct hooks *hooks)
{
    return (struct jobs_options){
        .access = access,
        .hooks = hooks,
        .kinds = job_kinds,
        .kind_count = job_kind_count,
        .upkeeps = upkeeps,
        .upkeep_count = upkeep_count,
        .upkeep_first_ms = UPKEEP_FIRST_MS,
        .upkeep_every_ms = UPKEEP_EVERY_MS,
    };
}

enum err jobs_open(struct task *task, const struct jobs_options *options, struct jobs **jobs_out)
{
    require(options->access != nullptr);
    struct jobs *jobs = arena_new(task->arena, struct jobs, 1);
    jobs->options = *options;
    jobs->end = &jobs->first;
    jobs->upkeep_due_ns = clock_monotonic_ns() + options->upkeep_first_ms * NS_PER_MS;
    pthread_condattr_t attributes;
    require(pthread_condattr_init(&attributes) == 0);
    require(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    require(pthread_cond_init(&jobs->has_turn, &attributes) == 0);
    require(pthread_mutex_init(&jobs->lock, nullptr) == 0);
    pthread_condattr_destroy(&attributes);
    enum err err = take_up(task, jobs);
    while (err == ERR_NONE && jobs->thread_count < JOB_THREADS) {
        pthread_t *thread = &jobs->threads[jobs->thread_count];
        if (pthread_create(thread, nullptr, jobs_thread, jobs) == 0) jobs->thread_count++;
        else err = fail(task, ERR_SYSTEM, "no thread for jobs can be made");
    }
    if (err == ERR_NONE) *jobs_out = jobs;
    else jobs_close(jobs);
    return err;
}

void jobs_close(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->is_closing = true;
    pthread_cond_broadcast(&jobs->has_turn);
    pthread_mutex_unlock(&jobs->lock);
    for (uint32_t at = 0; at < jobs->thread_count; at++) pthread_join(jobs->threads[at], nullptr);
    while (jobs->first != nullptr) {
        struct turn *turn = jobs->first;
        jobs->first = turn->next;
        turn_free(turn);
    }
}

/* Waiting. */

static enum err wait_look(struct task *task, const struct space *space, struct id id,
                          struct job *job_out)
{
    struct txn *txn;
    TRY(txn_open(task, space, &txn));
    enum err err = job_get(task, txn, id, job_out);
    txn_close(txn);
    return err;
}

enum err jobs_wait(struct jobs *jobs, struct task *task, const struct space *space, struct id id,
                   bool (*progress)(void *owner, const struct job *job), void *owner,
                   struct job *job_out)
{
    require(jobs != nullptr);
    struct arena arena;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    enum err err = ERR_NONE;
    for (bool is_waiting = true; is_waiting;) {
        struct task look;
        task_init(&look, &arena);
        err = wait_look(&look, space, id, job_out);
        is_waiting = err == ERR_NONE && !job_is_over(job_out) &&
                     (progress == nullptr || progress(owner, job_out));
        arena_clear(&arena);
        if (is_waiting) (void)nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, nullptr);
    }
    arena_drop(&arena);
    if (err != ERR_NONE) return fail(task, err, "the job cannot be read");
    return wait_look(task, space, id, job_out);
}
