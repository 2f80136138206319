#include "base/require.h"
#include "http/loop.h"

/* How bytes come in. h2o reads its sockets by callbacks that it sets itself; ours stands before
 * them and sees what was read, already without TLS, before h2o does. So it can count, bound and
 * forget, where h2o 2.2.5 has no bound or one that is too late. h2o sets its callback anew now and
 * then; between two turns of the loop ours is put before it again. */

/** A buffer of a frame's beginning is moved to a small one, when a large read has left it in a
 *  large one. */
constexpr size_t INPUT_BYTES_LARGE = 64 * KIB;
constexpr size_t INPUT_BYTES_SMALL = 20 * KIB;
/** What those that may wait get of one turn of the loop, and what makes a visit dear. */
constexpr int64_t TURN_NS_MAX = 200'000;
constexpr int64_t VISIT_NS_DEAR = 500'000;
/** HTTP/1: what one request may take of the wire. A body of 1 MiB in chunks of one byte takes six
 *  times as much; extensions of chunks, and trailers, have no end of their own in h2o. */
constexpr uint64_t REQUEST_WIRE_BYTES_MAX = 8 * (uint64_t)BODY_BYTES_MAX;

/** What the client may have sent by now. */
static void allow(struct connection *connection)
{
    struct screen *screen = connection->screen;
    const struct http_limits *limits = &connection->loop->http->limits;
    uint64_t seconds = (uint64_t)(monotonic_ms() - connection->opened_ms) / 1000;
    screen->frames_max =
        limits->connection_frames + (uint64_t)connection->requests * FRAMES_PER_REQUEST +
        seconds * FRAMES_PER_SECOND + connection->socket->bytes_written / KIB * FRAMES_PER_KIB;
    screen->streams_max =
        2 * (uint64_t)connection->completed + STREAMS_OPEN_MAX + limits->connection_aborts;
    screen->held_max = HELD_BYTES_PER_CONNECTION_MAX;
}

/** An HTTP/1 head that does not end. Others that are too long are refused by an answer. */
static bool head_is_endless(const struct connection *connection)
{
    const h2o_buffer_t *input = connection->socket->input;
    if (connection->open > 0 || input->size <= HEAD_BLOCK_BYTES_MAX) return false;
    static const char ends[2][5] = {"\r\n\r\n", "\n\n"};
    return memmem(input->bytes, HEAD_BLOCK_BYTES_MAX, ends[0], 4) == nullptr &&
           memmem(input->bytes, HEAD_BLOCK_BYTES_MAX, ends[1], 2) == nullptr;
}

/** Whether h2o may see what has come. */
static bool is_passed(struct connection *connection)
{
    const h2o_buffer_t *input = connection->socket->input;
    if (connection->is_ending) return false;
    size_t seen = connection->seen_bytes < input->size ? connection->seen_bytes : input->size;
    connection->seen_bytes = input->size;
    if (input->size == seen) return true;
    if (connection->screen == nullptr) {
        connection->unfinished_bytes += input->size - seen;
        return !head_is_endless(connection) &&
               connection->unfinished_bytes <= REQUEST_WIRE_BYTES_MAX;
    }
    allow(connection);
    return screen_take(connection->screen, (str){input->bytes + seen, input->size - seen}) ==
           SCREEN_PASS;
}

static void input_shrink(h2o_socket_t *socket)
{
    h2o_buffer_t *large = socket->input;
    if (large->size == 0 || large->size > INPUT_BYTES_SMALL || large->capacity < INPUT_BYTES_LARGE)
        return;
    h2o_buffer_t *small;
    h2o_buffer_init(&small, &h2o_socket_buffer_prototype);
    h2o_iovec_t room = h2o_buffer_reserve(&small, large->size);
    memcpy(room.base, large->bytes, large->size);
    small->size = large->size;
    h2o_buffer_dispose(&socket->input);
    socket->input = small;
}

void connection_watch(struct connection *connection)
{
    if (connection->socket == nullptr || !connection->is_entered) return;
    if (connection->socket->_cb.read == connection_read) return;
    if (!h2o_linklist_is_linked(&connection->unwatched))
        h2o_linklist_insert(&connection->loop->unwatched, &connection->unwatched);
}

void connection_leave(struct connection *connection)
{
    connection->visits--;
    if (connection->socket == nullptr) {
        connection_release(connection);
        return;
    }
    hold_settle(connection);
    connection_watch(connection);
}

static void visit(struct connection *connection)
{
    connection->visits++;
    connection->visit_begun_ns = clock_monotonic_ns();
}

/** Whatever h2o did with what it was shown. */
static void on_shown(struct connection *connection)
{
    connection->visit_ns = clock_monotonic_ns() - connection->visit_begun_ns;
    connection->loop->turn_ns += connection->visit_ns;
    if (connection->socket != nullptr) {
        if (connection->screen != nullptr) input_shrink(connection->socket);
        connection->seen_bytes = connection->socket->input->size;
    }
    connection_leave(connection);
}

/** Who has served nobody yet, or was dear the last time, waits when others do, or when a turn has
 *  taken enough: so a crowd of them costs the others one visit, not one for each. */
static bool turn_is_over(const struct connection *connection)
{
    const struct loop *loop = connection->loop;
    bool may_wait = connection->completed == 0 || connection->visit_ns > VISIT_NS_DEAR;
    return may_wait && (loop->turn_ns > TURN_NS_MAX || loop->postponed.next != &loop->postponed);
}

/** One turn may bring requests from many who then take no answer; those who are ended for it free
 *  their memory in the next. */
static bool must_wait(const struct connection *connection)
{
    return turn_is_over(connection) || hold_is_full(connection->loop);
}

/** h2o 2.2.5 must not read while the last bytes of all requests that it has begun are on their way
 *  and others wait for their turn: it believes then that there are none at all, and asserts it
 *  (update_idle_timeout of its lib/http2/connection.c). */
static bool must_write_first(const struct connection *connection)
{
    return connection->is_framed && connection->open >= STREAMS_MAX &&
           connection->socket->_cb.write != nullptr;
}

void connection_postpone(struct connection *connection, h2o_linklist_t *until)
{
    if (h2o_linklist_is_linked(&connection->postponed)) return;
    h2o_linklist_insert(until, &connection->postponed);
    h2o_socket_read_stop(connection->socket);
    connection_watch(connection);
}

/** A pipelined request, or one that waited until an earlier one was answered, begins inside of
 *  what h2o does for that one: with an answer that fits the kernel's buffers, and thousands of
 *  them, without end. And h2o 2.2.5 begins such requests even while it closes their connection
 *  because a write failed; an answer to one of them trips an assertion (close_connection_now of
 *  its lib/http2/connection.c). */
bool connection_may_begin(const struct connection *connection)
{
    if (connection->visits == 0) return false;
    if (connection->is_ending) return true; /* to be refused */
    return clock_monotonic_ns() - connection->visit_begun_ns < VISIT_NS_DEAR;
}

/** What has come goes to h2o, or nowhere. */
static void show(struct connection *connection, const char *error)
{
    h2o_socket_t *socket = connection->socket;
    if (error == nullptr && !is_passed(connection)) {
        /* Forgotten; h2o hears of the end when the socket is shut. */
        h2o_buffer_consume(&socket->input, socket->input->size);
        connection->seen_bytes = 0;
        connection_end_abuse(connection);
        return;
    }
    visit(connection);
    connection->read(socket, error);
    on_shown(connection);
}

void connection_read(h2o_socket_t *socket, const char *error)
{
    struct connection *connection = socket->on_close.data;
    require(connection->read != nullptr);
    bool may_wait = error == nullptr && !connection->is_ending;
    if (error == nullptr && must_write_first(connection)) {
        connection_postpone(connection, &connection->loop->writing);
        hold_settle(connection);
    } else if (may_wait && must_wait(connection)) {
        connection_postpone(connection, &connection->loop->postponed);
        hold_settle(connection);
    } else {
        show(connection, error);
    }
}

static void begin(struct connection *connection)
{
    h2o_socket_t *socket = connection->socket;
    h2o_accept_ctx_t *accept = &connection->loop->accept[connection->listener];
    struct timeval now = *h2o_get_timestamp(accept->ctx, nullptr, nullptr);
    bool is_framed = connection->is_framed;
    if (is_framed) {
        connection->screen = memory_take(sizeof *connection->screen);
        screen_init(connection->screen);
    }
    if (!is_passed(connection)) {
        connection_blame(connection);
        h2o_socket_close(socket);
        return;
    }
    connection->is_entered = true;
    visit(connection);
    if (is_framed) h2o_http2_accept(accept, socket, now);
    else h2o_http1_accept(accept, socket, now);
    on_shown(connection);
}

static void enter(struct connection *connection, bool is_framed)
{
    connection->is_shaking = false;
    connection->is_framed = is_framed;
    /* What it begins with may be a hundred requests. */
    if (must_wait(connection)) {
        connection_postpone(connection, &connection->loop->postponed);
        hold_settle(connection);
    } else {
        begin(connection);
    }
}

/** HTTP/2 on a plain socket begins with its preface ("prior knowledge", RFC 9113, 3.3); h2o
 *  knows it only with the upgrade from HTTP/1.1, which is off. */
static void on_first_bytes(h2o_socket_t *socket, const char *error)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\n";
    struct connection *connection = socket->on_close.data;
    if (error != nullptr) {
        h2o_socket_close(socket);
        return;
    }
    if (connection->is_ending) return;
    size_t len =
        socket->input->size < sizeof preface - 1 ? socket->input->size : sizeof preface - 1;
    bool is_preface = memcmp(socket->input->bytes, preface, len) == 0;
    if (is_preface && len < sizeof preface - 1) return;
    enter(connection, is_preface);
}

void connection_resume(struct connection *connection)
{
    h2o_socket_t *socket = connection->socket;
    if (!h2o_linklist_is_linked(&connection->postponed)) return;
    h2o_linklist_unlink(&connection->postponed);
    if (socket->_cb.read != nullptr) return;
    if (connection->drain != nullptr) h2o_socket_read_start(socket, drain_read);
    else if (connection->is_entered) h2o_socket_read_start(socket, connection_read);
    else h2o_socket_read_start(socket, on_first_bytes);
}

static void on_handshake(h2o_socket_t *socket, const char *error)
{
    struct connection *connection = socket->on_close.data;
    if (error != nullptr) {
        h2o_socket_close(socket);
        return;
    }
    h2o_iovec_t chosen = h2o_socket_ssl_get_selected_protocol(socket);
    bool is_framed = false;
    for (const h2o_iovec_t *name = h2o_http2_alpn_protocols; name->len > 0; name++)
        if (str_eq(str_of_iovec(chosen), str_of_iovec(*name))) is_framed = true;
    enter(connection, is_framed);
}

void connection_enter(struct connection *connection)
{
    h2o_socket_t *socket = connection->socket;
    if (connection->listener == LISTENER_HTTPS) {
        connection->is_shaking = true;
        connection->certificate = connection->loop->accept[LISTENER_HTTPS].ssl_ctx;
        SSL_CTX_up_ref(connection->certificate);
        h2o_socket_ssl_handshake(socket, connection->certificate, nullptr, on_handshake);
    } else {
        h2o_socket_read_start(socket, on_first_bytes);
    }
}

static bool has_waiting(const struct loop *loop)
{
    bool is_idle =
        loop->postponed.next == &loop->postponed && loop->deferred.next == &loop->deferred;
    return !is_idle && !hold_is_full(loop);
}

/** The first of those that are deferred, if there is one. */
static void begin_deferred(struct loop *loop)
{
    h2o_linklist_t *first = loop->deferred.next;
    if (first == &loop->deferred) return;
    struct http_exchange *exchange = H2O_STRUCT_FROM_MEMBER(struct http_exchange, deferred, first);
    struct connection *connection = exchange->connection;
    h2o_linklist_unlink(first);
    exchange_begin(exchange);
    hold_settle(connection);
}

static void go_on_with(struct connection *connection)
{
    connection_resume(connection);
    if (!connection->is_entered) begin(connection);
    else if (must_write_first(connection))
        connection_postpone(connection, &connection->loop->writing);
    else show(connection, nullptr);
}

void loop_go_on(h2o_timeout_entry_t *entry)
{
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, going_on, entry);
    int64_t until_ns = clock_monotonic_ns() + TURN_NS_MAX;
    do {
        begin_deferred(loop);
        if (hold_is_full(loop)) return;
        h2o_linklist_t *first = loop->postponed.next;
        if (first == &loop->postponed) continue;
        go_on_with(H2O_STRUCT_FROM_MEMBER(struct connection, postponed, first));
    } while (has_waiting(loop) && clock_monotonic_ns() < until_ns);
}

/** Those whose writes are done go on with the others. */
static void watch_writing(struct loop *loop)
{
    h2o_linklist_t *next;
    for (h2o_linklist_t *node = loop->writing.next; node != &loop->writing; node = next) {
        next = node->next;
        if (must_write_first(H2O_STRUCT_FROM_MEMBER(struct connection, postponed, node))) continue;
        h2o_linklist_unlink(node);
        h2o_linklist_insert(&loop->postponed, node);
    }
}

void loop_watch(struct loop *loop)
{
    h2o_linklist_t *next;
    loop->turn_ns = 0;
    watch_writing(loop);
    /* h2o forgets what is done to its sockets between two turns. */
    if (has_waiting(loop) && !h2o_timeout_is_linked(&loop->going_on))
        h2o_timeout_link(loop->context.loop, &loop->context.zero_timeout, &loop->going_on);
    for (h2o_linklist_t *node = loop->unwatched.next; node != &loop->unwatched; node = next) {
        next = node->next;
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, unwatched, node);
        h2o_socket_t *socket = connection->socket;
        bool is_ours = connection->drain != nullptr || connection->stream != nullptr;
        /* HTTP/2 stops reading while its peer takes nothing, and goes on some time; HTTP/1 stops
         * for each request, and is noted again when that has ended. */
        if (socket->_cb.read == nullptr && connection->screen != nullptr) continue;
        h2o_linklist_unlink(&connection->unwatched);
        if (is_ours || socket->_cb.read == nullptr || socket->_cb.read == connection_read) continue;
        connection->read = socket->_cb.read;
        socket->_cb.read = connection_read;
    }
}
