#include "base/require.h"
#include "http/loop.h"

/** A slow reader of such an answer holds little more than any other connection does. */
constexpr size_t ANSWER_BYTES_SMALL = 64 * KIB;

/* A task's box is made on the loop, goes wherever the handler hands it, and comes back as a
 * message. Its exchange pointer is read and cleared by the loop alone, so a request that ends
 * first leaves nothing behind. */

static bool is_full(struct http_exchange *exchange)
{
    struct connection *connection = exchange->connection;
    const struct http_limits *limits = &connection->loop->http->limits;
    if (connection->tasks >= limits->connection_tasks) return true;
    return atomic_load_explicit(&connection->loop->http->tasks, memory_order_relaxed) >=
           limits->tasks;
}

struct http_task *http_task_make(struct http_exchange *exchange)
{
    require(!exchange->is_answered);
    require(exchange->task == nullptr);
    struct connection *connection = exchange->connection;
    struct loop *loop = connection->loop;
    if (is_full(exchange)) {
        struct http_header retry = {S("retry-after"), S("1")};
        count(&loop->counters.refused_busy);
        answer_problem(exchange, 503, S("Too much is under way; try again."), retry);
        return nullptr;
    }
    struct task_box *box = memory_take(sizeof *box);
    box->exchange = exchange;
    box->connection = connection;
    box->message.kind = MESSAGE_ANSWER;
    box->task.http = loop->http;
    box->task.loop = loop->number;
    box->task.number = ++loop->task_number;
    arena_init(&box->task.arena, TASK_ARENA_BYTES_MAX);
    arena_init(&box->task.slice, TASK_ARENA_BYTES_MAX);
    task_init(&box->task.task, &box->task.arena);
    exchange->task = box;
    connection->tasks++;
    loop->tasks++;
    atomic_fetch_add_explicit(&loop->http->tasks, 1, memory_order_relaxed);
    return &box->task;
}

bool http_task_is_abandoned(const struct http_task *task)
{
    return atomic_load_explicit(&((const struct task_box *)task)->is_abandoned,
                                memory_order_acquire);
}

static void packed_drop(void *memory)
{
    struct packed *packed = memory;
    if (packed->http != nullptr)
        atomic_fetch_sub_explicit(&packed->http->answers_bytes, packed->body.len,
                                  memory_order_relaxed);
}

/** Its own piece of memory, which h2o frees with the request: so the loop copies nothing again. */
static void *take_shared(void *from, size_t bytes)
{
    (void)from;
    return h2o_mem_alloc_shared(nullptr, bytes, packed_drop);
}

/** Counts an answer that its client may take as slowly as it likes; small ones are always let
 *  through. */
static bool answer_has_room(struct http *http, size_t bytes)
{
    size_t others = atomic_fetch_add_explicit(&http->answers_bytes, bytes, memory_order_relaxed);
    if (bytes <= ANSWER_BYTES_SMALL || others + bytes <= http->limits.answers_bytes) return true;
    atomic_fetch_sub_explicit(&http->answers_bytes, bytes, memory_order_relaxed);
    return false;
}

/** Back to the loop, with a copy of what is to be sent. */
static void task_return(struct task_box *box, const struct http_answer *answer, bool is_last)
{
    struct http_task *task = &box->task;
    require(box->packed == nullptr);
    struct loop *loop = &task->http->loops[task->loop];
    if (answer != nullptr && answer_has_room(task->http, answer->body.len)) {
        box->packed = answer_pack(answer, take_shared, nullptr);
        box->packed->http = task->http;
    }
    box->is_last = is_last;
    if (is_last) {
        arena_drop(&task->arena);
        arena_drop(&task->slice);
    }
    loop_send(loop, &box->message);
}

void http_task_answer(struct http_task *task, const struct http_answer *answer)
{
    task_return((struct task_box *)task, answer, true);
}

void http_task_slice(struct http_task *task, const struct http_answer *slice, bool is_last)
{
    struct task_box *box = (struct task_box *)task;
    require(task->run != nullptr);
    require(is_last || !box->is_slice || slice->body.len > 0);
    box->is_slice = true;
    task_return(box, slice, is_last);
}

void http_task_break(struct http_task *task)
{
    struct task_box *box = (struct task_box *)task;
    require(box->is_slice);
    task_return(box, nullptr, true);
}

/** It is no more under way. */
static void box_drop(struct loop *loop, struct task_box *box)
{
    struct connection *connection = box->connection;
    require(loop->tasks > 0);
    require(connection->tasks > 0);
    loop->tasks--;
    connection->tasks--;
    atomic_fetch_sub_explicit(&loop->http->tasks, 1, memory_order_relaxed);
    if (box->packed != nullptr) (void)h2o_mem_release_shared(box->packed);
    if (connection->socket == nullptr) connection_release(connection);
    memory_give(box);
}

void task_ended(struct http_exchange *exchange)
{
    struct task_box *box = exchange->task;
    require(box->exchange == exchange);
    box->exchange = nullptr;
    exchange->task = nullptr;
    if (box->is_parked) {
        arena_drop(&box->task.arena);
        arena_drop(&box->task.slice);
        box_drop(exchange->connection->loop, box);
    } else {
        atomic_store_explicit(&box->is_abandoned, true, memory_order_release);
    }
}

void task_resume(struct task_box *box)
{
    require(box->is_parked);
    box->is_parked = false;
    http_task_queue(&box->task);
}

/** There is no room for what the task made, or it could not end what it had begun. */
static void answer_fails(struct loop *loop, struct http_exchange *exchange)
{
    static const struct http_header retry = {S("retry-after"), S("1")};
    count(&loop->counters.refused_busy);
    if (exchange->stream != nullptr) stream_break(exchange->stream);
    else
        answer_problem(exchange, 503, S("Too many answers wait for their readers; try again."),
                       retry);
}

void task_answered(struct loop *loop, struct task_box *box)
{
    struct http_exchange *exchange = box->exchange;
    struct packed *packed = box->packed;
    bool is_over = box->is_last || exchange == nullptr || packed == nullptr ||
                   answer_has_no_body(exchange->request);
    if (exchange != nullptr) {
        if (is_over) exchange->task = nullptr;
        box->is_parked = !is_over;
        if (packed == nullptr) {
            answer_fails(loop, exchange);
        } else if (box->is_slice) {
            box->packed = nullptr;
            stream_slice(exchange, packed, is_over);
        } else {
            h2o_mem_link_shared(&exchange->request->pool, packed);
            answer_send(exchange, packed);
        }
    }
    if (!is_over) return;
    box->exchange = nullptr;
    if (!box->is_last) {
        arena_drop(&box->task.arena);
        arena_drop(&box->task.slice);
    }
    box_drop(loop, box);
}

/* Workers. */

void http_task_queue(struct http_task *task)
{
    require(task->run != nullptr);
    struct workers *workers = &task->http->workers;
    task->next = nullptr;
    pthread_mutex_lock(&workers->lock);
    *workers->last = task;
    workers->last = &task->next;
    pthread_cond_signal(&workers->ready);
    pthread_mutex_unlock(&workers->lock);
}

/** The next task in order; nullptr when the server ends. */
static struct http_task *task_next(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    while (workers->first == nullptr && !workers->is_ending)
        pthread_cond_wait(&workers->ready, &workers->lock);
    struct http_task *task = workers->first;
    if (task != nullptr) {
        workers->first = task->next;
        if (workers->first == nullptr) workers->last = &workers->first;
        task->next = nullptr;
    }
    pthread_mutex_unlock(&workers->lock);
    return task;
}

static void *work(void *memory)
{
    struct workers *workers = memory;
    for (struct http_task *task; (task = task_next(workers)) != nullptr;) {
        if (http_task_is_abandoned(task))
            http_task_answer(task, &(struct http_answer){.status = 503});
        else task->run(task);
    }
    return nullptr;
}

void workers_open(struct workers *workers)
{
    workers->last = &workers->first;
    require(pthread_mutex_init(&workers->lock, nullptr) == 0);
    require(pthread_cond_init(&workers->ready, nullptr) == 0);
    for (workers->count = 0; workers->count < WORKERS; workers->count++)
        require(pthread_create(&workers->threads[workers->count], nullptr, work, workers) == 0);
}

void workers_close(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->is_ending = true;
    pthread_cond_broadcast(&workers->ready);
    pthread_mutex_unlock(&workers->lock);
    for (uint32_t at = 0; at < workers->count; at++) pthread_join(workers->threads[at], nullptr);
    pthread_cond_destroy(&workers->ready);
    pthread_mutex_destroy(&workers->lock);
}
