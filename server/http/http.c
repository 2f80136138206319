#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/require.h"
#include "http/loop.h"

constexpr int64_t SWEEP_MS = 1000;
constexpr int64_t STOP_SWEEP_MS = 50;
constexpr int64_t HANDSHAKE_MS_MAX = 10'000;
/** One refused body is read from each time: at most some 50 MiB/s of all, a few hundredths of a
 *  processor, where nothing but the sender's own answer is won by it. */
constexpr uint64_t DRAIN_TICK_MS = 10;
/** After a stop's time is over, for tasks that other threads still hold. */
constexpr int64_t TASKS_GRACE_MS = 10'000;
/** Of one turn of the loop; a handshake takes about a millisecond. */
constexpr uint32_t ACCEPTS_MAX = 16;
constexpr uint32_t HANDSHAKES_MAX = 2;

/* A loop. */

static void on_listener(h2o_socket_t *listener, const char *error)
{
    struct loop *loop = listener->data;
    if (error != nullptr) return;
    enum listener kind = LISTENER_HTTP;
    while (loop->listeners[kind] != listener) kind++;
    uint32_t accepts_max = kind == LISTENER_HTTPS ? HANDSHAKES_MAX : ACCEPTS_MAX;
    for (uint32_t at = 0; at < accepts_max; at++) {
        h2o_socket_t *socket = h2o_evloop_socket_accept(listener);
        if (socket != nullptr) {
            connection_accept(loop, kind, socket);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The listener stays readable; asking on and on would burn the loop. */
            loop->is_paused = true;
            h2o_socket_read_stop(listener);
            count(&loop->counters.refused_busy);
        }
        return;
    }
}

static void listeners_start(struct loop *loop)
{
    for (int at = 0; at < LISTENERS; at++)
        if (loop->listeners[at] != nullptr) h2o_socket_read_start(loop->listeners[at], on_listener);
    loop->is_paused = false;
}

static void listeners_close(struct loop *loop)
{
    for (int at = 0; at < LISTENERS; at++) {
        if (loop->listeners[at] == nullptr) continue;
        h2o_socket_read_stop(loop->listeners[at]);
        h2o_socket_close(loop->listeners[at]);
        loop->listeners[at] = nullptr;
    }
}

static void on_sweep(h2o_timeout_entry_t *entry)
{
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, sweep, entry);
    loop_sweep(loop);
    if (loop->http->options.tick != nullptr)
        loop->http->options.tick(loop->http->options.owner, loop->number);
    if (loop->is_paused && !loop->is_stopping) listeners_start(loop);
    h2o_timeout_link(loop->context.loop, &loop->sweep_timeout, &loop->sweep);
}

static void loop_stop(struct loop *loop)
{
    loop->is_stopping = true;
    loop->stop_at_ms = monotonic_ms() + loop->http->limits.stop_ms;
    listeners_close(loop);
    for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections;
         node = node->next)
        H2O_STRUCT_FROM_MEMBER(struct connection, link, node)->is_retiring = true;
    streams_stop(loop);
    h2o_context_request_shutdown(&loop->context);
    /* The first GOAWAY is enough. The second would put connections into a state in which h2o
     * 2.2.5 never moves past a CONTINUATION frame; connections without requests are ended by the
     * sweep instead. */
    h2o_timeout_unlink(&loop->context.http2._graceful_shutdown_timeout);
    h2o_timeout_unlink(&loop->sweep);
    loop->sweep_timeout.timeout = (uint64_t)STOP_SWEEP_MS;
    h2o_timeout_link(loop->context.loop, &loop->sweep_timeout, &loop->sweep);
}

static void on_messages(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, receiver, receiver);
    while (!h2o_linklist_is_empty(messages)) {
        struct message *message =
            H2O_STRUCT_FROM_MEMBER(struct message, super.link, messages->next);
        h2o_linklist_unlink(&message->super.link);
        switch (message->kind) {
        case MESSAGE_ANSWER:
            task_answered(loop, H2O_STRUCT_FROM_MEMBER(struct task_box, message, message));
            break;
        case MESSAGE_CERTIFICATE:
            SSL_CTX_free(loop->accept[LISTENER_HTTPS].ssl_ctx);
            loop->accept[LISTENER_HTTPS].ssl_ctx = message->certificate;
            memory_give(message);
            break;
        case MESSAGE_STOP:
            loop_stop(loop);
            memory_give(message);
            break;
        case MESSAGE_WAKE:
            /* From here on it may be sent again: what is not seen now will wake the loop anew. */
            atomic_store(&loop->is_woken, false);
            loop->http->options.woken(loop->http->options.owner, loop->number);
            break;
        }
    }
}

static void loop_open(struct loop *loop)
{
    struct http *http = loop->http;
    h2o_linklist_init_anchor(&loop->connections);
    h2o_linklist_init_anchor(&loop->exchanges);
    h2o_linklist_init_anchor(&loop->unwatched);
    h2o_linklist_init_anchor(&loop->postponed);
    h2o_linklist_init_anchor(&loop->writing);
    h2o_linklist_init_anchor(&loop->draining);
    h2o_linklist_init_anchor(&loop->deferred);
    arena_init(&loop->arena, TASK_ARENA_BYTES_MAX);
    h2o_context_init(&loop->context, h2o_evloop_create(), &http->config);
    h2o_multithread_register_receiver(loop->context.queue, &loop->receiver, on_messages);
    h2o_timeout_init(loop->context.loop, &loop->sweep_timeout, (uint64_t)http->limits.sweep_ms);
    loop->sweep.cb = on_sweep;
    loop->going_on.cb = loop_go_on;
    h2o_timeout_init(loop->context.loop, &loop->drain_timeout, DRAIN_TICK_MS);
    loop->drain.cb = loop_drain;
    for (int at = 0; at < LISTENERS; at++) {
        loop->accept[at].ctx = &loop->context;
        loop->accept[at].hosts = http->config.hosts;
        int descriptor = http->sockets.descriptors[loop->number][at];
        if (descriptor < 0) continue;
        http->sockets.descriptors[loop->number][at] = -1;
        loop->listeners[at] =
            h2o_evloop_socket_create(loop->context.loop, descriptor, H2O_SOCKET_FLAG_DONT_READ);
        loop->listeners[at]->data = loop;
    }
    if (http->certificate != nullptr) {
        SSL_CTX_up_ref(http->certificate);
        loop->accept[LISTENER_HTTPS].ssl_ctx = http->certificate;
    }
}

/** On the loop's own thread, for h2o keeps its buffers' allocators by thread. Nothing is open
 *  any more. h2o 2.2.5 gives back neither its epoll descriptor nor the memory of its queue. */
static void loop_close(struct loop *loop)
{
    require(h2o_linklist_is_empty(&loop->connections));
    require(h2o_linklist_is_empty(&loop->exchanges));
    h2o_loop_t *evloop = loop->context.loop;
    listeners_close(loop);
    h2o_timeout_unlink(&loop->sweep);
    h2o_timeout_unlink(&loop->going_on);
    h2o_timeout_unlink(&loop->drain);
    h2o_timeout_dispose(evloop, &loop->sweep_timeout);
    h2o_timeout_dispose(evloop, &loop->drain_timeout);
    h2o_multithread_unregister_receiver(loop->context.queue, &loop->receiver);
    h2o_context_dispose(&loop->context);
    h2o_evloop_destroy(evloop);
    SSL_CTX_free(loop->accept[LISTENER_HTTPS].ssl_ctx);
    arena_drop(&loop->arena);
}

static void connections_cut(struct loop *loop)
{
    for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections;
         node = node->next)
        connection_end(H2O_STRUCT_FROM_MEMBER(struct connection, link, node), nullptr);
}

/** Whether a stopping loop has nothing left, or no time. */
static bool loop_is_over(struct loop *loop)
{
    if (!loop->is_stopping) return false;
    if (h2o_linklist_is_empty(&loop->connections) && loop->tasks == 0)
        return atomic_load(&loop->senders) == 0;
    int64_t now_ms = monotonic_ms();
    if (now_ms > loop->stop_at_ms) connections_cut(loop);
    return now_ms > loop->stop_at_ms + TASKS_GRACE_MS;
}

static void *loop_run(void *memory)
{
    struct loop *loop = memory;
    loop_open(loop);
    pthread_barrier_wait(&loop->http->is_open);
    listeners_start(loop);
    h2o_timeout_link(loop->context.loop, &loop->sweep_timeout, &loop->sweep);
    while (!loop_is_over(loop)) {
        if (h2o_evloop_run(loop->context.loop, INT32_MAX) != 0) require(errno == EINTR);
        loop_watch(loop);
    }
    if (loop->tasks == 0) loop_close(loop);
    return nullptr;
}

void loop_send(struct loop *loop, struct message *message)
{
    /* h2o wakes the loop by a pipe after it has let go of the queue, and the loop may be done
     * with it by then. */
    atomic_fetch_add(&loop->senders, 1);
    h2o_multithread_send_message(&loop->receiver, &message->super);
    atomic_fetch_sub(&loop->senders, 1);
}

/* The server. */

static int64_t or_default(int64_t given, int64_t otherwise)
{
    return given == 0 ? otherwise : given;
}

static struct http_limits limits_of(const struct http_limits *given)
{
    return (struct http_limits){
        .request_ms = or_default(given->request_ms, REQUEST_MS_MAX),
        .stall_ms = or_default(given->stall_ms, RESPONSE_STALL_MS_MAX),
        .idle_ms = or_default(given->idle_ms, CONNECTION_IDLE_MS_MAX),
        .handshake_ms = or_default(given->handshake_ms, HANDSHAKE_MS_MAX),
        .stop_ms = or_default(given->stop_ms, STOP_MS_MAX),
        .sweep_ms = or_default(given->sweep_ms, SWEEP_MS),
        .connections = (uint32_t)or_default(given->connections, CONNECTIONS_MAX),
        .connections_per_address =
            (uint32_t)or_default(given->connections_per_address, CONNECTIONS_PER_ADDRESS_MAX),
        .connection_requests =
            (uint32_t)or_default(given->connection_requests, CONNECTION_REQUESTS_MAX),
        .connection_aborts = (uint32_t)or_default(given->connection_aborts, CONNECTION_ABORTS_MAX),
        .connection_frames = (uint32_t)or_default(given->connection_frames, FRAMES_IDLE_MAX),
        .connection_rate = (uint32_t)or_default(given->connection_rate, CONNECTION_RATE_MAX),
        .held_bytes = (uint64_t)or_default((int64_t)given->held_bytes, HELD_BYTES_MAX),
        .connection_tasks = (uint32_t)or_default(given->connection_tasks, TASKS_PER_CONNECTION_MAX),
        .tasks = (uint32_t)or_default(given->tasks, TASKS_MAX),
        .answers_bytes = (uint64_t)or_default((int64_t)given->answers_bytes, ANSWERS_BYTES_MAX),
    };
}

static void configure(struct http *http)
{
    h2o_globalconf_t *config = &http->config;
    h2o_config_init(config);
    config->server_name = h2o_iovec_init(H2O_STRLIT("atrium"));
    /* One more than a handler takes, so that a body just too large is answered by the handler's
     * own words. */
    config->max_request_entity_size = BODY_BYTES_MAX + 1;
    config->handshake_timeout = (uint64_t)http->limits.handshake_ms;
    config->http1.req_timeout = (uint64_t)http->limits.request_ms;
    config->http1.upgrade_to_http2 = 0;
    config->http2.idle_timeout = (uint64_t)http->limits.idle_ms * 3 / 4;
    config->http2.max_concurrent_requests_per_connection = STREAMS_MAX;
    answer_install(http);
}

static char *file_name(str name)
{
    char *copy = memory_take(name.len + 1);
    if (name.len > 0) memcpy(copy, name.at, name.len);
    return copy;
}

static enum err prepare(struct task *task, struct http *http)
{
    const struct http_options *options = &http->options;
    http->has_proxy = options->behind_proxy.len > 0;
    if (options->sockets == nullptr) {
        TRY(http_bind(task, options, &http->sockets));
    } else {
        http->sockets = *options->sockets;
        memset(options->sockets->descriptors, 0xff, sizeof options->sockets->descriptors);
    }
    if (http->has_proxy) require(address_read(options->behind_proxy, http->proxy));
    http->loop_count = http->sockets.loop_count;
    if (options->https.len == 0) return ERR_NONE;
    return certificate_load(task, http->certificate_file, http->key_file, &http->certificate);
}

/** Gives back what needs no thread to have ended. */
static void http_drop(struct http *http)
{
    http_unbind(&http->sockets);
    SSL_CTX_free(http->certificate);
    memory_give(http->certificate_file);
    memory_give(http->key_file);
    memory_give(http);
}

enum err http_open(struct task *task, const struct http_options *options, struct http **http_out)
{
    require(options->handle != nullptr);
    require(options->admin.len == 0 || options->handle_admin != nullptr);
    struct http *http = memory_take(sizeof *http);
    http->options = *options;
    http->limits = limits_of(&options->limits);
    http->certificate_file = file_name(options->tls_certificate);
    http->key_file = file_name(options->tls_key);
    memset(http->sockets.descriptors, 0xff, sizeof http->sockets.descriptors);
    enum err err = prepare(task, http);
    if (err != ERR_NONE) {
        http_drop(http);
        return err;
    }
    signal(SIGPIPE, SIG_IGN);
    configure(http);
    http->peers = peers_open();
    workers_open(&http->workers);
    http->loops = memory_take(http->loop_count * sizeof http->loops[0]);
    require(pthread_barrier_init(&http->is_open, nullptr, http->loop_count + 1) == 0);
    for (uint32_t at = 0; at < http->loop_count; at++) {
        http->loops[at].http = http;
        http->loops[at].number = at;
        http->loops[at].wake.kind = MESSAGE_WAKE;
        require(pthread_create(&http->loops[at].thread, nullptr, loop_run, &http->loops[at]) == 0);
    }
    pthread_barrier_wait(&http->is_open);
    *http_out = http;
    return ERR_NONE;
}

uint16_t http_port(const struct http *http, int which)
{
    require(which >= 0 && which < LISTENERS);
    return http->sockets.ports[which];
}

uint32_t http_loops(const struct http *http)
{
    return http->loop_count;
}

void http_wake(struct http *http, uint32_t loop)
{
    require(loop < http->loop_count);
    require(http->options.woken != nullptr);
    struct loop *wanted = &http->loops[loop];
    if (!atomic_exchange(&wanted->is_woken, true)) loop_send(wanted, &wanted->wake);
}

static void post(struct loop *loop, enum message_kind kind, SSL_CTX *certificate)
{
    struct message *message = memory_take(sizeof *message);
    message->kind = kind;
    message->certificate = certificate;
    loop_send(loop, message);
}

enum err http_reload(struct task *task, struct http *http)
{
    if (http->options.https.len == 0) return ERR_NONE;
    SSL_CTX *certificate;
    TRY(certificate_load(task, http->certificate_file, http->key_file, &certificate));
    for (uint32_t at = 0; at < http->loop_count; at++) {
        SSL_CTX_up_ref(certificate);
        post(&http->loops[at], MESSAGE_CERTIFICATE, certificate);
    }
    SSL_CTX_free(http->certificate);
    http->certificate = certificate;
    return ERR_NONE;
}

void http_close(struct http *http)
{
    for (uint32_t at = 0; at < http->loop_count; at++)
        post(&http->loops[at], MESSAGE_STOP, nullptr);
    for (uint32_t at = 0; at < http->loop_count; at++)
        pthread_join(http->loops[at].thread, nullptr);
    uint32_t tasks = atomic_load(&http->tasks);
    if (tasks > 0) {
        /* Their answers will still come to the loops' queues, so those must stay where they are. */
        log_error("http", "%u tasks were not answered in time for the stop", tasks);
        return;
    }
    workers_close(&http->workers);
    h2o_config_dispose(&http->config);
    peers_close(http->peers);
    pthread_barrier_destroy(&http->is_open);
    memory_give(http->loops);
    http_drop(http);
}

struct http_figures http_figures(struct http *http)
{
    struct http_figures sum = {
        .connections_open = atomic_load_explicit(&http->connections, memory_order_relaxed),
        .tasks_open = atomic_load_explicit(&http->tasks, memory_order_relaxed),
    };
    for (uint32_t at = 0; at < http->loop_count; at++) {
        struct counters *counters = &http->loops[at].counters;
        sum.requests += atomic_load_explicit(&counters->requests, memory_order_relaxed);
        sum.connections += atomic_load_explicit(&counters->connections, memory_order_relaxed);
        sum.refused_rate += atomic_load_explicit(&counters->refused_rate, memory_order_relaxed);
        sum.refused_busy += atomic_load_explicit(&counters->refused_busy, memory_order_relaxed);
        sum.closed_abuse += atomic_load_explicit(&counters->closed_abuse, memory_order_relaxed);
        sum.closed_full += atomic_load_explicit(&counters->closed_full, memory_order_relaxed);
        sum.closed_stalled += atomic_load_explicit(&counters->closed_stalled, memory_order_relaxed);
    }
    return sum;
}
