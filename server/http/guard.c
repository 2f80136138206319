#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/random.h"
#include "base/require.h"
#include "http/loop.h"

/** Bytes that count as progress of a response; less in the time of a stall is none. */
constexpr uint64_t PROGRESS_BYTES_MIN = 16 * KIB;
/** Received beyond what requests were made of: a flood of frames, or of requests that were never
 *  finished. */
constexpr uint64_t UNUSED_BYTES_MAX = 32 * MIB;
constexpr size_t FRAME_HEAD_BYTES = 9; /** RFC 9113, 4.1 */
constexpr int64_t DRAIN_MS_MAX = 2000;
/** What a connection that was ended for abuse takes from its address's share of new ones: a
 *  second's worth, and no more debts than these. Who is behind the same address keeps what is
 *  open. */
constexpr int64_t BLAME_NS = 1'000'000'000;
constexpr int64_t BLAME_NS_MAX = 30 * BLAME_NS;
constexpr size_t PEER_CHAINS = 4096;
constexpr uint32_t PEERS_MAX = 65'536;

/* Addresses: how many connections each has, and its share of requests. */

struct peer {
    struct peer *next;
    uint8_t address[16];
    uint32_t connections;
    /** When its buckets will be full again (the virtual schedule of ITU-T I.371): of requests, and
     *  of new connections. */
    int64_t full_at_ns;
    int64_t welcome_at_ns;
};

struct peers {
    pthread_mutex_t lock;
    uint64_t seed;
    uint32_t count;
    struct peer crowd; /** shared by all once there are too many */
    struct peer *chains[PEER_CHAINS];
};

struct peers *peers_open(void)
{
    struct peers *peers = memory_take(sizeof *peers);
    require(pthread_mutex_init(&peers->lock, nullptr) == 0);
    peers->seed = random_uint64();
    return peers;
}

static void peers_sweep(struct peers *peers, int64_t now_ns, bool is_all)
{
    for (size_t at = 0; at < PEER_CHAINS; at++) {
        for (struct peer **place = &peers->chains[at]; *place != nullptr;) {
            struct peer *peer = *place;
            bool is_waiting = peer->full_at_ns > now_ns || peer->welcome_at_ns > now_ns;
            bool is_kept = !is_all && (peer->connections > 0 || is_waiting);
            if (is_kept) {
                place = &peer->next;
            } else {
                *place = peer->next;
                memory_give(peer);
                peers->count--;
            }
        }
    }
}

void peers_close(struct peers *peers)
{
    peers_sweep(peers, 0, true);
    pthread_mutex_destroy(&peers->lock);
    memory_give(peers);
}

/** An IPv6 customer has a /64 at least, so its lower half says nothing. */
static void peer_key(const uint8_t address[16], uint8_t key_out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(key_out, address, 16);
    if (memcmp(address, mapped, sizeof mapped) != 0) memset(key_out + 8, 0, 8);
}

/** Under the lock. */
static struct peer *peer_find(struct peers *peers, const uint8_t address[16])
{
    uint8_t key[16];
    peer_key(address, key);
    uint64_t hash = peers->seed;
    for (size_t at = 0; at < sizeof key; at++) hash = (hash ^ key[at]) * 0x100000001b3;
    struct peer **chain = &peers->chains[(hash ^ hash >> 32) % PEER_CHAINS];
    for (struct peer *peer = *chain; peer != nullptr; peer = peer->next)
        if (memcmp(peer->address, key, sizeof key) == 0) return peer;
    if (peers->count >= PEERS_MAX) return &peers->crowd;
    struct peer *peer = memory_take(sizeof *peer);
    memcpy(peer->address, key, sizeof key);
    peer->next = *chain;
    *chain = peer;
    peers->count++;
    return peer;
}

bool address_read(str text, uint8_t address_out[16])
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr four;
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET6, copy, address_out) == 1) return true;
    if (inet_pton(AF_INET, copy, &four) != 1) return false;
    memset(address_out, 0, 10);
    memset(address_out + 10, 0xff, 2);
    memcpy(address_out + 12, &four, 4);
    return true;
}

bool address_is_loopback(const uint8_t address[16])
{
    static const uint8_t six[16] = {[15] = 1};
    static const uint8_t four[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    return memcmp(address, six, sizeof six) == 0 || memcmp(address, four, sizeof four) == 0;
}

/** Whether there is one more in a bucket that holds one second's worth. */
static bool bucket_take(int64_t *full_at_ns, int64_t rate)
{
    int64_t second_ns = 1'000'000'000;
    int64_t now_ns = clock_monotonic_ns();
    int64_t begin_ns = *full_at_ns > now_ns ? *full_at_ns : now_ns;
    if (begin_ns + second_ns / rate > now_ns + second_ns) return false;
    *full_at_ns = begin_ns + second_ns / rate;
    return true;
}

bool connection_allows(struct connection *connection, str address)
{
    uint8_t bytes[16];
    if (!connection->is_rated) return true;
    const struct http_options *options = &connection->loop->http->options;
    struct peers *peers = connection->loop->http->peers;
    int64_t rate = options->rate == 0 ? RATE_DEFAULT : options->rate;
    if (!address_read(address, bytes)) return false;

    pthread_mutex_lock(&peers->lock);
    bool is_allowed = bucket_take(&peer_find(peers, bytes)->full_at_ns, rate);
    pthread_mutex_unlock(&peers->lock);
    return is_allowed;
}

/* Connections. */

void connection_blame(struct connection *connection)
{
    struct peers *peers = connection->loop->http->peers;
    struct peer *peer = connection->peer;
    count(&connection->loop->counters.closed_abuse);
    if (peer == nullptr) return;
    int64_t now_ns = clock_monotonic_ns();
    pthread_mutex_lock(&peers->lock);
    int64_t begin_ns = peer->welcome_at_ns > now_ns ? peer->welcome_at_ns : now_ns;
    peer->welcome_at_ns =
        begin_ns + BLAME_NS < now_ns + BLAME_NS_MAX ? begin_ns + BLAME_NS : now_ns + BLAME_NS_MAX;
    pthread_mutex_unlock(&peers->lock);
}

static void on_end_timer(h2o_timeout_entry_t *entry)
{
    struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, end, entry);
    connection_resume(connection); /* its end is something that is read */
    shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
}

void connection_cut(struct connection *connection)
{
    h2o_buffer_t *input = connection->socket->input;
    if (!connection->is_framed || input->bytes == nullptr || input->size < FRAME_HEAD_BYTES) return;
    const uint8_t *head = (const uint8_t *)input->bytes;
    size_t frame_bytes =
        FRAME_HEAD_BYTES + ((size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2]);
    if (input->size > frame_bytes) input->size = frame_bytes;
}

void connection_end(struct connection *connection, atomic_uint_fast64_t *counter)
{
    if (connection->is_ending || connection->socket == nullptr) return;
    hold_doom(connection);
    connection->is_ending = true;
    if (counter != nullptr) count(counter);
    h2o_timeout_link(connection->loop->context.loop, &connection->loop->context.zero_timeout,
                     &connection->end);
}

void connection_end_abuse(struct connection *connection)
{
    if (connection->is_ending || connection->socket == nullptr) return;
    connection_blame(connection);
    connection_end(connection, nullptr);
}

void connection_settle(struct connection *connection, bool is_completed)
{
    const struct http_limits *limits = &connection->loop->http->limits;
    connection->was_busy = true;
    if (is_completed) connection->completed++;
    else connection->aborted++;
    if (connection->is_ending) {
        return;
    } else if (connection->aborted > (uint64_t)connection->completed + limits->connection_aborts) {
        connection_end_abuse(connection);
    } else if (connection->is_retiring && connection->open == 0) {
        connection_end(connection, nullptr);
    }
}

void connection_release(struct connection *connection)
{
    require(connection->socket == nullptr);
    if (connection->tasks > 0 || connection->visits > 0) return;
    memory_give(connection->screen);
    memory_give(connection);
}

static void on_close(void *memory)
{
    struct connection *connection = memory;
    struct http *http = connection->loop->http;
    require(connection->open == 0);
    connection->socket = nullptr;
    hold_drop(connection);
    h2o_linklist_unlink(&connection->link);
    if (h2o_linklist_is_linked(&connection->unwatched)) h2o_linklist_unlink(&connection->unwatched);
    if (h2o_linklist_is_linked(&connection->postponed)) h2o_linklist_unlink(&connection->postponed);
    h2o_timeout_unlink(&connection->end);
    if (connection->peer != nullptr) {
        pthread_mutex_lock(&http->peers->lock);
        connection->peer->connections--;
        pthread_mutex_unlock(&http->peers->lock);
    }
    if (connection->certificate != nullptr) SSL_CTX_free(connection->certificate);
    atomic_fetch_sub_explicit(&http->connections, 1, memory_order_relaxed);
    connection_release(connection);
}

/** Whether this address may have one more. */
static bool peer_join(struct connection *connection, const uint8_t address[16])
{
    struct http *http = connection->loop->http;
    const struct http_limits *given = &http->options.limits;
    bool is_near = connection->is_proxy || connection->is_loopback;
    bool is_counted = !is_near || (!connection->is_proxy && given->connections_per_address > 0);
    bool is_paced = !is_near || (!connection->is_proxy && given->connection_rate > 0);
    if (!is_counted && !is_paced) return true;
    pthread_mutex_lock(&http->peers->lock);
    struct peer *peer = peer_find(http->peers, address);
    bool has_room = (!is_counted || peer->connections < http->limits.connections_per_address) &&
                    (!is_paced || bucket_take(&peer->welcome_at_ns, http->limits.connection_rate));
    if (has_room) {
        peer->connections++;
        connection->peer = peer;
    }
    pthread_mutex_unlock(&http->peers->lock);
    return has_room;
}

static bool peer_name(struct connection *connection, uint8_t address_out[16])
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    if (getpeername(h2o_socket_get_fd(connection->socket), (struct sockaddr *)&at, &len) != 0)
        return false;
    const void *raw = at.ss_family == AF_INET ? (const void *)&((struct sockaddr_in *)&at)->sin_addr
                                              : &((struct sockaddr_in6 *)&at)->sin6_addr;
    if (inet_ntop(at.ss_family, raw, connection->address, sizeof connection->address) == nullptr)
        return false;
    /* An IPv4 client of a listener for both is told as IPv4. */
    if (strncmp(connection->address, "::ffff:", 7) == 0 &&
        strchr(connection->address, '.') != nullptr)
        memmove(connection->address, connection->address + 7, strlen(connection->address) - 6);
    connection->address_len = (uint8_t)strlen(connection->address);
    return address_read((str){connection->address, connection->address_len}, address_out);
}

static struct connection *connection_make(struct loop *loop, enum listener listener,
                                          h2o_socket_t *socket)
{
    struct connection *connection = memory_take(sizeof *connection);
    connection->loop = loop;
    connection->socket = socket;
    connection->listener = listener;
    connection->quiet_ms = monotonic_ms();
    connection->opened_ms = connection->quiet_ms;
    connection->end.cb = on_end_timer;
    h2o_linklist_insert(&loop->connections, &connection->link);
    socket->on_close.cb = on_close;
    socket->on_close.data = connection;
    atomic_fetch_add_explicit(&loop->http->connections, 1, memory_order_relaxed);
    count(&loop->counters.connections);
    return connection;
}

void connection_accept(struct loop *loop, enum listener listener, h2o_socket_t *socket)
{
    struct http *http = loop->http;
    struct connection *connection = connection_make(loop, listener, socket);
    uint8_t address[16];
    bool is_welcome = peer_name(connection, address);
    if (is_welcome) {
        connection->is_loopback = address_is_loopback(address);
        connection->is_proxy = http->has_proxy && memcmp(address, http->proxy, sizeof address) == 0;
        connection->is_rated =
            listener != LISTENER_ADMIN &&
            (http->options.rate > 0 || connection->is_proxy || !connection->is_loopback);
        is_welcome = peer_join(connection, address) &&
                     (atomic_load_explicit(&http->connections, memory_order_relaxed) <=
                          http->limits.connections ||
                      connection_make_room(loop));
    }
    if (!is_welcome) {
        count(&loop->counters.refused_busy);
        h2o_socket_close(socket);
        return;
    }
    uint32_t dead_ms = (uint32_t)http->limits.stall_ms;
    (void)setsockopt(h2o_socket_get_fd(socket), IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms,
                     sizeof dead_ms);
    connection_enter(connection);
}

/* The sweep. */

struct flow {
    uint64_t received_bytes;
    uint64_t acked_bytes;
};

static struct flow flow_of(struct connection *connection)
{
    struct tcp_info told = {};
    socklen_t len = sizeof told;
    if (getsockopt(h2o_socket_get_fd(connection->socket), IPPROTO_TCP, TCP_INFO, &told, &len) != 0)
        return (struct flow){};
    return (struct flow){told.tcpi_bytes_received, told.tcpi_bytes_acked};
}

/** A response of which the peer takes nothing. */
static void sweep_exchange(struct http_exchange *exchange, int64_t now_ms)
{
    struct connection *connection = exchange->connection;
    struct loop *loop = connection->loop;
    if (!exchange->is_answered || connection->is_ending) return;
    /* A stream that has nothing to send waits for its maker, not for its peer. */
    if (exchange->stream != nullptr && !exchange->stream->is_sending) return;
    /* For HTTP/2 the stream's own bytes: others, and answers to pings, flow beside a closed
     * window. */
    uint64_t sent = exchange->request->version >= 0x200 ? exchange->request->bytes_sent
                                                        : flow_of(connection).acked_bytes;
    if (exchange->progress_ms == 0 || sent >= exchange->progress_bytes + PROGRESS_BYTES_MIN) {
        exchange->progress_bytes = sent;
        exchange->progress_ms = now_ms;
    } else if (now_ms - exchange->progress_ms > loop->http->limits.stall_ms) {
        connection_end(connection, &loop->counters.closed_stalled);
    }
}

/** An HTTP/2 request that is not whole yet. */
static int sweep_stream(h2o_req_t *request, void *memory)
{
    struct loop *loop = memory;
    bool is_receiving = request->timestamps.request_begin_at.tv_sec != 0 &&
                        request->processed_at.at.tv_sec == 0 && request->entity.base == nullptr &&
                        request->timestamps.request_body_begin_at.tv_sec != 0;
    if (!is_receiving) return 0;
    struct connection *connection =
        request->conn->callbacks->get_socket(request->conn)->on_close.data;
    struct timeval *now = h2o_get_timestamp(&loop->context, nullptr, nullptr);
    int64_t age_ms = h2o_timeval_subtract(&request->timestamps.request_begin_at, now) / 1000;
    connection->receiving++;
    if (age_ms > loop->http->limits.request_ms)
        connection_end(connection, &loop->counters.closed_stalled);
    return 0;
}

static void sweep_connection(struct connection *connection, int64_t now_ms)
{
    struct loop *loop = connection->loop;
    const struct http_limits *limits = &loop->http->limits;
    bool is_drained = connection->drain != nullptr && now_ms - connection->quiet_ms > DRAIN_MS_MAX;
    if (connection->is_ending) return;
    struct flow flow = flow_of(connection);
    uint64_t used_bytes = connection->used_bytes + connection->receiving * (uint64_t)BODY_BYTES_MAX;
    bool is_flood =
        connection->drain == nullptr && flow.received_bytes > used_bytes + UNUSED_BYTES_MAX;
    connection->receiving = 0;
    connection_watch(connection);
    if (connection->is_shaking) {
        if (now_ms - connection->opened_ms > limits->handshake_ms)
            connection_end(connection, &loop->counters.closed_stalled);
        return;
    }
    if (is_flood) {
        connection_end_abuse(connection);
        return;
    }
    if (connection->open > 0) {
        connection->was_busy = true;
        return;
    }
    if (loop->is_stopping || is_drained) {
        connection_end(connection, nullptr);
        return;
    }
    if (connection->was_busy) {
        connection->was_busy = false;
        connection->received_bytes = flow.received_bytes;
        connection->begun_ms = 0;
        connection->quiet_ms = now_ms;
    } else if (flow.received_bytes > connection->received_bytes && connection->begun_ms == 0) {
        connection->begun_ms = now_ms;
    }
    /* HTTP/2 speaks between requests too (windows, pings), so there only requests are life; h2o
     * itself says good-bye to a connection that is silent, a little earlier. */
    bool is_begun = connection->begun_ms != 0 && !connection->is_framed;
    bool is_stuck = is_begun ? now_ms - connection->begun_ms > limits->request_ms
                             : now_ms - connection->quiet_ms > limits->idle_ms;
    if (is_stuck) connection_end(connection, &loop->counters.closed_stalled);
}

void loop_sweep(struct loop *loop)
{
    int64_t now_ms = monotonic_ms();
    struct peers *peers = loop->http->peers;
    (void)loop->context.globalconf->http2.callbacks.foreach_request(&loop->context, sweep_stream,
                                                                    loop);
    for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections;
         node = node->next)
        sweep_connection(H2O_STRUCT_FROM_MEMBER(struct connection, link, node), now_ms);
    for (h2o_linklist_t *node = loop->exchanges.next; node != &loop->exchanges; node = node->next)
        sweep_exchange(H2O_STRUCT_FROM_MEMBER(struct http_exchange, link, node), now_ms);
    hold_trim(loop);
    if (loop->number > 0) return;
    pthread_mutex_lock(&peers->lock);
    peers_sweep(peers, clock_monotonic_ns(), false);
    pthread_mutex_unlock(&peers->lock);
}
