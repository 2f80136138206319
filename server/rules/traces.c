/* Traces on their way to the disk: a queue for each tenant, one thread, one change of each tenant
 * at a time. Rows: rules/trace.c, rules/trace_days.c. */
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/fold.h"
#include "base/log.h"
#include "base/require.h"
#include "record/models.h"
#include "rules/overruns.h"
#include "rules/trace_rows.h"

constexpr uint32_t SENDER_BUCKETS = 256;
constexpr uint32_t DAYS_WAITING_MAX = 2 * RULES_OF_TENANT_MAX; /** of one tenant */
constexpr int64_t SECOND_NS = 1'000'000'000;
constexpr int64_t GATHER_NS = 200'000'000;
constexpr uint32_t TENANTS_AT_ONCE = 64; /** whose changes are under way together */
constexpr size_t BATCH_ARENA_BYTES = 64 * MIB;
constexpr uint32_t TRIMMED_ALONG = 100; /** more than was added: so they never pile up */

/** One that waits; its texts lie behind it. */
struct waiting {
    struct waiting *next;
    size_t bytes;
    struct trace trace;
};

/** What a rule did since it was last written down, all of one day. */
struct waiting_day {
    struct waiting_day *next;
    struct id rule;
    uint32_t day;
    bool has_other; /** not only overruns */
    struct day_figures figures;
    /* Of the newest overrun, for the notice. */
    struct id run;
    str rule_name; /** a view of `name` */
    char name[128];
    bool is_too_many; /** set when it is written: the rule is to be switched off */
};

/** What waits of one tenant. */
struct sender {
    struct sender *next_bucket;
    struct space space;
    struct waiting *first;
    struct waiting **end;
    uint32_t count;
    size_t bytes;
    struct waiting_day *days;
    uint32_t day_count;
    uint64_t added, written; /** traces, in order */
    bool is_under_way;       /** a batch of it is in the lane; the next one waits for that */
    uint32_t awaited_by;     /** threads in traces_flush */
    /* The second in which it sends now. */
    int64_t second_ns;
    uint32_t good_count, other_count;
};

/** What was taken from a sender, on its way through the tenant's lane. */
struct batch {
    struct work work;
    struct batch *next;
    struct traces *traces;
    struct sender *sender;
    struct space space;
    struct waiting *first;
    struct waiting_day *days;
    uint32_t count;
    size_t bytes;
    uint64_t upto; /** of the sender's traces */
    struct arena arena;
    struct task task;
    enum err err;
};

struct traces {
    struct store *store;
    const struct model *model;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_closing;
    bool is_awaited;         /** somebody waits for what was added */
    uint32_t ready_count;    /** senders with something, none of it under way */
    int64_t gather_until_ns; /** so that many go into one commit */
    uint32_t under_way;      /** batches in lanes */
    struct batch *finished;  /** by their lanes */
    uint32_t waiting_count;  /** of all senders and batches */
    size_t waiting_bytes;
    struct traces_figures figures;
    struct sender *buckets[SENDER_BUCKETS];
};

/* Taking in. */

static size_t text_bytes(const struct trace *trace)
{
    const struct run_result *result = &trace->result;
    return trace->rule_name.len + trace->through.len + result->message.len + result->field.len +
           result->log.len + result->changes.len + result->talk.len;
}

static str text_keep(char **room, str text)
{
    char *at = *room;
    if (text.len > 0) memcpy(at, text.at, text.len);
    *room += text.len;
    return (str){at, text.len};
}

static struct waiting *waiting_make(const struct trace *trace)
{
    size_t bytes = sizeof(struct waiting) + text_bytes(trace);
    struct waiting *waiting = memory_take(bytes);
    char *room = (char *)(waiting + 1);
    waiting->bytes = bytes;
    waiting->trace = *trace;
    struct trace *kept = &waiting->trace;
    kept->rule_name = text_keep(&room, trace->rule_name);
    kept->through = text_keep(&room, trace->through);
    kept->result.message = text_keep(&room, trace->result.message);
    kept->result.field = text_keep(&room, trace->result.field);
    kept->result.log = text_keep(&room, trace->result.log);
    kept->result.changes = text_keep(&room, trace->result.changes);
    kept->result.talk = text_keep(&room, trace->result.talk);
    return waiting;
}

static struct sender *sender_of(struct traces *traces, const struct space *space)
{
    struct sender **at = &traces->buckets[space->number % SENDER_BUCKETS];
    while (*at != nullptr && (*at)->space.number != space->number) at = &(*at)->next_bucket;
    if (*at != nullptr) return *at;
    *at = memory_take(sizeof **at);
    (*at)->space = *space;
    (*at)->end = &(*at)->first;
    return *at;
}

static struct waiting_day *day_of(struct sender *sender, const struct trace *trace)
{
    uint32_t day = day_of_ms(trace->at_ms);
    struct waiting_day *found = sender->days;
    while (found != nullptr && (found->day != day || !id_eq(found->rule, trace->rule)))
        found = found->next;
    if (found != nullptr || sender->day_count == DAYS_WAITING_MAX) return found;
    found = memory_take(sizeof *found);
    *found = (struct waiting_day){.next = sender->days, .rule = trace->rule, .day = day};
    sender->days = found;
    sender->day_count++;
    return found;
}

static void day_count(struct waiting_day *day, const struct trace *trace, bool is_dropped)
{
    const struct run_result *result = &trace->result;
    struct day_figures *figures = &day->figures;
    figures->runs++;
    figures->rejected += result->outcome == RUN_REJECTED;
    figures->failed += result->outcome == RUN_FAILED;
    figures->overran += result->outcome == RUN_OVERRAN;
    figures->fuel += result->fuel;
    figures->cpu_us += (uint64_t)(result->cpu_us > 0 ? result->cpu_us : 0);
    figures->wall_us += (uint64_t)(result->wall_us > 0 ? result->wall_us : 0);
    figures->dropped += is_dropped;
    if (result->outcome != RUN_OVERRAN) {
        figures->overruns = 0;
        day->has_other = true;
        return;
    }
    figures->overruns++;
    day->run = trace->id;
    str name = utf8_first(trace->rule_name, sizeof day->name);
    memcpy(day->name, name.at, name.len);
    day->rule_name = (str){day->name, name.len};
}

/** Whether it is kept by itself, by what the tenant has sent in this second and what waits. */
static bool may_keep(struct traces *traces, struct sender *sender, const struct trace *trace,
                     int64_t now_ns)
{
    if (now_ns - sender->second_ns >= SECOND_NS) {
        sender->second_ns = now_ns;
        sender->good_count = sender->other_count = 0;
    }
    bool is_good = trace->result.outcome == RUN_DONE && !trace->is_trial;
    uint32_t *count = is_good ? &sender->good_count : &sender->other_count;
    size_t bytes = sizeof(struct waiting) + text_bytes(trace);
    if (*count >= TRACES_A_SECOND || sender->count >= TRACES_OF_TENANT_WAITING_MAX ||
        sender->bytes + bytes > TRACES_OF_TENANT_WAITING_BYTES_MAX ||
        traces->waiting_count >= TRACES_WAITING_MAX ||
        traces->waiting_bytes + bytes > TRACES_WAITING_BYTES_MAX)
        return false;
    ++*count;
    return true;
}

static bool sender_has_any(const struct sender *sender)
{
    return sender->first != nullptr || sender->days != nullptr;
}

/** It has something, or its batch is done: whether it is one of those whose turn it is. */
static void sender_is_ready(struct traces *traces)
{
    if (traces->ready_count++ > 0) return;
    traces->gather_until_ns = clock_monotonic_ns() + GATHER_NS;
    pthread_cond_broadcast(&traces->changed);
}

void trace_add(struct traces *traces, const struct space *space, const struct trace *trace)
{
    int64_t now_ns = clock_monotonic_ns();
    pthread_mutex_lock(&traces->lock);
    struct sender *sender = sender_of(traces, space);
    bool had_any = sender_has_any(sender);
    bool is_kept = may_keep(traces, sender, trace, now_ns);
    if (!trace->is_trial) {
        struct waiting_day *day = day_of(sender, trace);
        if (day != nullptr) day_count(day, trace, !is_kept);
    }
    if (is_kept) {
        struct waiting *waiting = waiting_make(trace);
        *sender->end = waiting;
        sender->end = &waiting->next;
        sender->count++;
        sender->bytes += waiting->bytes;
        traces->waiting_count++;
        traces->waiting_bytes += waiting->bytes;
    }
    sender->added++;
    traces->figures.added++;
    traces->figures.dropped += !is_kept;
    if (!had_any && sender_has_any(sender) && !sender->is_under_way) sender_is_ready(traces);
    pthread_mutex_unlock(&traces->lock);
}

/* Writing. */

/** Rules that were seen to overrun too often are switched off in the same commit; one that cannot
 *  be does not keep the traces from it. */
static void batch_judge(struct batch *batch, struct txn *txn)
{
    for (struct waiting_day *day = batch->days; day != nullptr; day = day->next) {
        if (!day->is_too_many) continue;
        struct overrunning overrunning = {
            .rule = day->rule, .rule_name = day->rule_name, .run = day->run, .day = day->day};
        struct savepoint savepoint = txn_savepoint(txn);
        enum err err = rule_switch_off(&batch->task, txn, batch->traces->model, &overrunning);
        if (err == ERR_NONE) continue;
        txn_rollback(txn, savepoint);
        log_error("rules", "the rule `%.*s` of tenant %u cannot be switched off: %.*s: %.*s",
                  FMT(day->rule_name), batch->space.number, FMT(err_slug(err)),
                  FMT(batch->task.fault.detail));
        task_fault_clear(&batch->task);
    }
}

static enum err batch_write(struct work *work, struct txn *txn)
{
    struct batch *batch = (struct batch *)work;
    struct task *task = &batch->task;
    struct row_counter counter;
    txn_set_task(txn, task);
    TRY(txn_counter_read(task, txn, TRACE_COUNTER, &counter));
    for (struct waiting *at = batch->first; at != nullptr; at = at->next)
        TRY(trace_put(task, txn, &at->trace, &counter));
    TRY(traces_trim(task, txn, batch->count + TRIMMED_ALONG, &counter));
    if (batch->count > 0) txn_counter_put(task, txn, TRACE_COUNTER, &counter);
    for (struct waiting_day *day = batch->days; day != nullptr; day = day->next) {
        struct day_figures is;
        TRY(day_add(task, txn, day->rule, day->day, &day->figures, day->has_other, &is));
        day->is_too_many = is.overruns >= RULE_OVERRUNS_MAX;
    }
    batch_judge(batch, txn);
    return ERR_NONE;
}

static void batch_done(struct work *work, enum err err)
{
    struct batch *batch = (struct batch *)work;
    struct traces *traces = batch->traces;
    pthread_mutex_lock(&traces->lock);
    batch->err = err;
    batch->next = traces->finished;
    traces->finished = batch;
    pthread_cond_broadcast(&traces->changed);
    pthread_mutex_unlock(&traces->lock);
}

/** What a sender has, as a batch. Under the lock. */
static struct batch *batch_take(struct traces *traces, struct sender *sender)
{
    struct batch *batch = memory_take(sizeof *batch);
    batch->traces = traces;
    batch->sender = sender;
    batch->space = sender->space;
    batch->first = sender->first;
    batch->days = sender->days;
    batch->count = sender->count;
    batch->bytes = sender->bytes;
    batch->upto = sender->added;
    sender->first = nullptr;
    sender->end = &sender->first;
    sender->days = nullptr;
    sender->count = sender->day_count = 0;
    sender->bytes = 0;
    sender->is_under_way = true;
    traces->ready_count--;
    traces->under_way++;
    return batch;
}

/** What waits of some tenants; those that have been silent for long enough are forgotten. Under the
 *  lock. */
static struct batch *batches_take(struct traces *traces)
{
    struct batch *batches = nullptr;
    int64_t now_ns = clock_monotonic_ns();
    for (uint32_t at = 0; at < SENDER_BUCKETS; at++) {
        struct sender **sender = &traces->buckets[at];
        while (*sender != nullptr) {
            struct sender *is = *sender;
            bool has_any = sender_has_any(is);
            bool is_idle = !has_any && !is->is_under_way && is->awaited_by == 0;
            if (has_any && !is->is_under_way && traces->under_way < TENANTS_AT_ONCE) {
                struct batch *batch = batch_take(traces, is);
                batch->next = batches;
                batches = batch;
            } else if (is_idle && now_ns - is->second_ns >= SECOND_NS) {
                *sender = is->next_bucket;
                memory_give(is);
                continue;
            }
            sender = &is->next_bucket;
        }
    }
    return batches;
}

static void batches_begin(struct traces *traces, struct batch *batches)
{
    for (struct batch *batch = batches, *next; batch != nullptr; batch = next) {
        next = batch->next;
        arena_init(&batch->arena, BATCH_ARENA_BYTES);
        task_init(&batch->task, &batch->arena);
        batch->work = (struct work){.run = batch_write, .done = batch_done, .arena = &batch->arena};
        enum err err = store_submit(traces->store, &batch->space, &batch->work);
        if (err != ERR_NONE) batch_done(&batch->work, err);
    }
}

static void batches_drop(struct batch *batches)
{
    for (struct batch *batch = batches, *after; batch != nullptr; batch = after) {
        after = batch->next;
        for (struct waiting *at = batch->first, *next; at != nullptr; at = next) {
            next = at->next;
            memory_give(at);
        }
        for (struct waiting_day *day = batch->days, *next; day != nullptr; day = next) {
            next = day->next;
            memory_give(day);
        }
        if (batch->err != ERR_NONE)
            log_error("rules", "%u traces of tenant %u are lost: %.*s", batch->count,
                      batch->space.number, FMT(err_slug(batch->err)));
        arena_drop(&batch->arena);
        memory_give(batch);
    }
}

/** Under the lock. */
static struct batch *finished_take(struct traces *traces)
{
    struct batch *finished = traces->finished;
    traces->finished = nullptr;
    for (struct batch *batch = finished; batch != nullptr; batch = batch->next) {
        struct sender *sender = batch->sender;
        sender->written = batch->upto;
        sender->is_under_way = false;
        traces->under_way--;
        traces->waiting_count -= batch->count;
        traces->waiting_bytes -= batch->bytes;
        if (batch->err != ERR_NONE) traces->figures.failed += batch->count;
        if (sender_has_any(sender)) sender_is_ready(traces);
    }
    if (finished != nullptr) pthread_cond_broadcast(&traces->changed);
    return finished;
}

/** More may come until gather_until_ns, unless somebody waits. Under the lock. */
static bool is_to_gather(struct traces *traces)
{
    return !traces->is_closing && !traces->is_awaited &&
           traces->waiting_count < TRACES_WAITING_MAX / 2 &&
           clock_monotonic_ns() < traces->gather_until_ns;
}

/** Until there is something to be done, or at least something may be. Under the lock. */
static void wait_for_work(struct traces *traces)
{
    bool is_gathering = traces->ready_count > 0 && traces->under_way < TENANTS_AT_ONCE;
    int64_t until_ns = traces->gather_until_ns;
    struct timespec until = {.tv_sec = until_ns / SECOND_NS, .tv_nsec = until_ns % SECOND_NS};
    if (is_gathering) (void)pthread_cond_timedwait(&traces->changed, &traces->lock, &until);
    else pthread_cond_wait(&traces->changed, &traces->lock);
}

static void *keep_writing(void *argument)
{
    struct traces *traces = argument;
    pthread_mutex_lock(&traces->lock);
    for (;;) {
        struct batch *finished = finished_take(traces), *begun = nullptr;
        bool may_begin = traces->ready_count > 0 && traces->under_way < TENANTS_AT_ONCE;
        if (may_begin && !is_to_gather(traces)) {
            traces->is_awaited = false;
            begun = batches_take(traces);
        }
        if (finished == nullptr && begun == nullptr) {
            bool is_over = traces->is_closing && traces->ready_count == 0 && traces->under_way == 0;
            if (is_over) break;
            wait_for_work(traces);
            continue;
        }
        pthread_mutex_unlock(&traces->lock);
        batches_drop(finished);
        batches_begin(traces, begun);
        pthread_mutex_lock(&traces->lock);
    }
    pthread_mutex_unlock(&traces->lock);
    return nullptr;
}

bool traces_flush(struct traces *traces, const struct space *space, int64_t ms_max)
{
    int64_t until_ns = clock_monotonic_ns() + ms_max * 1'000'000;
    struct timespec until = {.tv_sec = until_ns / SECOND_NS, .tv_nsec = until_ns % SECOND_NS};
    pthread_mutex_lock(&traces->lock);
    struct sender *sender = sender_of(traces, space);
    uint64_t wanted = sender->added;
    int failure = 0;
    sender->awaited_by++;
    while (sender->written < wanted && failure == 0) {
        traces->is_awaited = true;
        pthread_cond_broadcast(&traces->changed);
        failure = pthread_cond_timedwait(&traces->changed, &traces->lock, &until);
    }
    bool is_written = sender->written >= wanted;
    sender->awaited_by--;
    pthread_mutex_unlock(&traces->lock);
    return is_written;
}

struct traces_figures traces_figures(struct traces *traces)
{
    pthread_mutex_lock(&traces->lock);
    struct traces_figures figures = traces->figures;
    pthread_mutex_unlock(&traces->lock);
    return figures;
}

/* Life. */

static void traces_drop(struct traces *traces)
{
    for (uint32_t at = 0; at < SENDER_BUCKETS; at++) {
        for (struct sender *sender = traces->buckets[at], *next; sender != nullptr; sender = next) {
            next = sender->next_bucket;
            require(!sender_has_any(sender) && sender->awaited_by == 0);
            memory_give(sender);
        }
    }
    pthread_cond_destroy(&traces->changed);
    pthread_mutex_destroy(&traces->lock);
    memory_give(traces);
}

struct traces *traces_open(struct store *store, const struct model *model)
{
    struct traces *traces = memory_take(sizeof *traces);
    traces->store = store;
    traces->model = model;
    pthread_condattr_t attributes;
    require(pthread_mutex_init(&traces->lock, nullptr) == 0);
    require(pthread_condattr_init(&attributes) == 0);
    require(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    require(pthread_cond_init(&traces->changed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&traces->thread, nullptr, keep_writing, traces) == 0) return traces;
    traces_drop(traces);
    return nullptr;
}

void traces_close(struct traces *traces)
{
    pthread_mutex_lock(&traces->lock);
    traces->is_closing = true;
    pthread_cond_broadcast(&traces->changed);
    pthread_mutex_unlock(&traces->lock);
    pthread_join(traces->thread, nullptr);
    traces_drop(traces);
}
