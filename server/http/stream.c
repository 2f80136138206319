#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/require.h"
#include "http/loop.h"

/** What the kernel may hold of a stream that was not sent yet; beyond it the stream waits. */
constexpr int UNSENT_BYTES_MAX = 64 * 1024;
/** A client can leave a stream that stays open only by a reset; sooner than this it is counted as
 *  one. */
constexpr int64_t USED_MS_MIN = 1000;
/** Sent by a peer that has an open stream before it; more is not read. */
constexpr size_t AHEAD_BYTES_MAX = 16 * KIB;

static struct connection *connection_of(const struct http_stream *stream)
{
    return stream->exchange->connection;
}

/** The bytes that h2o was given are free again. */
static void sent_drop(struct http_stream *stream)
{
    void *sent = stream->sent;
    stream->sent = nullptr;
    if (sent != nullptr) (void)h2o_mem_release_shared(sent);
}

/** Tells h2o the end. The exchange may be gone when it returns. */
static void stream_finish(struct http_stream *stream)
{
    if (stream->is_ended) return;
    stream->is_ended = true;
    stream->is_sending = true;
    stream->exchange->progress_ms = 0;
    h2o_send(stream->exchange->request, nullptr, 0,
             stream->is_broken ? H2O_SEND_STATE_ERROR : H2O_SEND_STATE_FINAL);
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *request)
{
    (void)request;
    struct http_stream *stream = (struct http_stream *)generator;
    sent_drop(stream);
    exchange_owes(stream->exchange, 0);
    stream->is_sending = false;
    if (stream->is_closing) stream_finish(stream);
    else if (stream->calls != nullptr) stream->calls->taken(stream, stream->owner);
    else if (stream->exchange->task != nullptr) task_resume(stream->exchange->task);
}

/** Gives `sent`'s bytes to h2o, which reads them until it asks for more, or until the exchange
 *  ends. */
static void stream_send(struct http_stream *stream, void *sent, h2o_iovec_t bytes, bool is_last)
{
    require(!stream->is_sending);
    require(stream->sent == nullptr);
    stream->sent = sent;
    stream->is_sending = true;
    stream->is_ended = is_last;
    stream->exchange->progress_ms = 0;
    /* What many streams share is nobody's own. */
    exchange_owes(stream->exchange, stream->calls == nullptr ? bytes.len : 0);
    struct connection *connection = connection_of(stream);
    connection->visits++;
    h2o_send(stream->exchange->request, &bytes, bytes.len > 0,
             is_last ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
    connection_leave(connection);
}

static struct http_stream *stream_begin(struct http_exchange *exchange, const struct packed *packed)
{
    struct http_stream *stream = h2o_mem_alloc_pool(&exchange->request->pool, sizeof *stream);
    *stream = (struct http_stream){
        .generator = {.proceed = on_proceed},
        .exchange = exchange,
        .opened_ms = monotonic_ms(),
    };
    int unsent_bytes = UNSENT_BYTES_MAX;
    (void)setsockopt(h2o_socket_get_fd(exchange->connection->socket), IPPROTO_TCP,
                     TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
    exchange->stream = stream;
    answer_head(exchange, packed, false);
    h2o_start_response(exchange->request, &stream->generator);
    return stream;
}

/* Slices of a task. */

void stream_slice(struct http_exchange *exchange, struct packed *packed, bool is_last)
{
    struct http_stream *stream = exchange->stream;
    h2o_iovec_t body = packed->body;
    if (stream == nullptr) {
        bool is_bare = answer_has_no_body(exchange->request);
        /* Without a body yet, h2o asks for one before it has written the head, which lies in the
         * first slice: so the request's pool has a share in it. */
        h2o_mem_link_shared(&exchange->request->pool, packed);
        stream = stream_begin(exchange, packed);
        if (is_bare) body.len = 0;
    }
    stream_send(stream, packed, body, is_last);
}

void stream_break(struct http_stream *stream)
{
    stream->is_broken = true;
    stream->is_closing = true;
    if (!stream->is_sending) stream_finish(stream);
}

/* Streams that stay open. */

/** HTTP/1 reads nothing while an answer is under way, so h2o would not see that the peer has gone
 *  until something is written. */
static void on_read(h2o_socket_t *socket, const char *error)
{
    struct connection *connection = socket->on_close.data;
    struct http_stream *stream = connection->stream;
    bool is_over = error != nullptr || socket->input->size > AHEAD_BYTES_MAX;
    if (!is_over) return;
    h2o_socket_read_stop(socket);
    stream->is_closing = true;
    /* What is being written fails on a socket that is shut, and that ends the connection. */
    if (stream->is_sending) connection_end(connection, nullptr);
    else stream_finish(stream);
}

/** The request's head is not needed any more, and its buffer is the largest part of what an open
 *  stream would hold. h2o looks at it again only to go on to a next request, and there is none. */
static void input_release(struct http_stream *stream)
{
    struct connection *connection = connection_of(stream);
    h2o_socket_t *socket = connection->socket;
    connection->stream = stream;
    h2o_buffer_consume(&socket->input, socket->input->size);
    h2o_socket_read_start(socket, on_read);
}

static void on_opened(h2o_generator_t *generator, h2o_req_t *request)
{
    struct http_stream *stream = (struct http_stream *)generator;
    stream->generator.proceed = on_proceed;
    if (request->version < 0x200) input_release(stream);
    on_proceed(generator, request);
}

struct http_stream *http_stream_open(struct http_exchange *exchange, const struct http_answer *head,
                                     const struct http_stream_calls *calls, void *owner)
{
    require(exchange->task == nullptr);
    require(!exchange->is_answered);
    require(head->body.len > 0);
    struct packed *packed = answer_pack(head, take_from_pool, &exchange->request->pool);
    exchange->request->http1_is_persistent = 0;
    struct http_stream *stream = stream_begin(exchange, packed);
    stream->generator.proceed = on_opened;
    stream->calls = calls;
    stream->owner = owner;
    stream_send(stream, nullptr, packed->body, false);
    return stream;
}

bool http_stream_is_ready(const struct http_stream *stream)
{
    return !stream->is_sending && !stream->is_closing;
}

void http_stream_write(struct http_stream *stream, struct http_bytes *bytes)
{
    const h2o_iovec_t *shared = (const h2o_iovec_t *)bytes;
    require(http_stream_is_ready(stream));
    require(shared->len > 0);
    h2o_mem_addref_shared(bytes);
    stream_send(stream, bytes, *shared, false);
}

void http_stream_close(struct http_stream *stream)
{
    stream->is_closing = true;
    if (!stream->is_sending) stream_finish(stream);
}

struct http_bytes *http_bytes_make(str bytes)
{
    h2o_iovec_t *shared = h2o_mem_alloc_shared(nullptr, sizeof *shared + bytes.len, nullptr);
    *shared = h2o_iovec_init(shared + 1, bytes.len);
    if (bytes.len > 0) memcpy(shared->base, bytes.at, bytes.len);
    return (struct http_bytes *)shared;
}

void http_bytes_drop(struct http_bytes *bytes)
{
    (void)h2o_mem_release_shared(bytes);
}

uint32_t http_loop(const struct http_exchange *exchange)
{
    return exchange->connection->loop->number;
}

struct http *http_of(const struct http_exchange *exchange)
{
    return exchange->connection->loop->http;
}

/* The end. */

bool stream_was_used(const struct http_stream *stream)
{
    if (stream->calls == nullptr) return stream->is_ended;
    return monotonic_ms() - stream->opened_ms >= USED_MS_MIN;
}

void stream_ended(struct http_stream *stream)
{
    struct connection *connection = connection_of(stream);
    stream->exchange->stream = nullptr;
    stream->is_ended = true;
    if (connection->stream == stream) connection->stream = nullptr;
    if (stream->calls != nullptr) stream->calls->ended(stream, stream->owner);
    sent_drop(stream);
}

void streams_stop(struct loop *loop)
{
    for (h2o_linklist_t *node = loop->exchanges.next, *next; node != &loop->exchanges;
         node = next) {
        next = node->next;
        struct http_stream *stream =
            H2O_STRUCT_FROM_MEMBER(struct http_exchange, link, node)->stream;
        if (stream != nullptr && stream->calls != nullptr) http_stream_close(stream);
    }
}
