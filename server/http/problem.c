#include <stdio.h>

#include "base/require.h"
#include "http/loop.h"

/** What is said when no handler is asked. */
struct status_text {
    int status;
    const char *reason;
    const char *slug;
    const char *title;
};
static const struct status_text status_texts[] = {
    {200, "OK", "none", "OK"},
    {201, "Created", "none", "Created"},
    {202, "Accepted", "none", "Accepted"},
    {204, "No Content", "none", "No content"},
    {206, "Partial Content", "none", "Part of the content"},
    {301, "Moved Permanently", "none", "Moved"},
    {302, "Found", "none", "Found elsewhere"},
    {303, "See Other", "none", "See another address"},
    {304, "Not Modified", "none", "Not modified"},
    {307, "Temporary Redirect", "none", "Found elsewhere for now"},
    {308, "Permanent Redirect", "none", "Moved"},
    {400, "Bad Request", "unreadable", "The request cannot be read"},
    {401, "Unauthorized", "unauthenticated", "Sign in first"},
    {403, "Forbidden", "forbidden", "Not allowed"},
    {404, "Not Found", "missing", "Not found"},
    {405, "Method Not Allowed", "method", "This method is not served"},
    {406, "Not Acceptable", "unwanted", "In no form that is taken"},
    {409, "Conflict", "conflict", "In conflict with the present state"},
    {412, "Precondition Failed", "changed", "Changed meanwhile"},
    {413, "Content Too Large", "too-large", "Too large"},
    {415, "Unsupported Media Type", "unsupported", "This content type is not understood"},
    {417, "Expectation Failed", "expectation", "This expectation cannot be met"},
    {422, "Unprocessable Content", "invalid", "Some fields are at fault"},
    {429, "Too Many Requests", "limited", "Too fast, or over quota"},
    {431, "Request Header Fields Too Large", "headers-too-large", "Too many header fields"},
    {500, "Internal Server Error", "system", "The server failed"},
    {501, "Not Implemented", "method", "This method is not known"},
    {503, "Service Unavailable", "full", "No room or no time now; try again"},
};

/** The last line of the table stands for a status that is not in it. */
static const struct status_text *text_of(int status)
{
    static const struct status_text other = {0, "Other", "other", "Not served"};
    for (size_t at = 0; at < sizeof status_texts / sizeof status_texts[0]; at++)
        if (status_texts[at].status == status) return &status_texts[at];
    return &other;
}

const char *status_reason(int status)
{
    return text_of(status)->reason;
}

void add_token(h2o_req_t *request, const h2o_token_t *token, const char *value, size_t len)
{
    h2o_add_header(&request->pool, &request->res.headers, token, nullptr, value, len);
}

/* Problem documents (RFC 9457). */

#define PROBLEM_BYTES_MAX 512

/** `detail` is a text of this folder, and needs no escapes. */
static size_t problem_write(char text_out[PROBLEM_BYTES_MAX], int status, str detail)
{
    const struct status_text *text = text_of(status);
    char request_id[ID_TEXT_BYTES];
    id_write(id_make(), request_id);
    int len = snprintf(text_out, PROBLEM_BYTES_MAX,
                       "{\"type\":\"%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%.*s\","
                       "\"request_id\":\"%.*s\"}",
                       text->slug, text->title, status, FMT(detail), ID_TEXT_BYTES, request_id);
    require(len > 0 && len < PROBLEM_BYTES_MAX);
    return (size_t)len;
}

void answer_problem(struct http_exchange *exchange, int status, str detail, struct http_header more)
{
    char text[PROBLEM_BYTES_MAX];
    size_t len = problem_write(text, status, detail);
    struct http_answer answer = {
        .status = status,
        .content_type = S("application/problem+json"),
        .body = {text, len},
        .header_count = more.name.len > 0,
        .headers = &more,
    };
    answer_send(exchange, answer_pack(&answer, take_from_pool, &exchange->request->pool));
}

/* Errors that h2o answers itself (broken body framing, a body too large): their text is
 * replaced. */

struct error_stream {
    h2o_ostream_t super;
    h2o_iovec_t body;
    bool is_sent;
    size_t drained_bytes;
    h2o_req_t *request;
};

static void drain_end(struct connection *connection)
{
    struct error_stream *stream = connection->drain;
    connection->drain = nullptr;
    h2o_socket_read_stop(connection->socket);
    h2o_ostream_send_next(&stream->super, stream->request, nullptr, 0, H2O_SEND_STATE_FINAL);
}

static void drain_wait(struct connection *connection)
{
    struct loop *loop = connection->loop;
    connection_postpone(connection, &loop->draining);
    if (!h2o_timeout_is_linked(&loop->drain))
        h2o_timeout_link(loop->context.loop, &loop->drain_timeout, &loop->drain);
}

void drain_read(h2o_socket_t *socket, const char *error)
{
    struct connection *connection = socket->on_close.data;
    struct error_stream *stream = connection->drain;
    stream->drained_bytes += socket->input->size;
    h2o_buffer_consume(&socket->input, socket->input->size);
    if (error != nullptr || stream->drained_bytes > DRAIN_BYTES_MAX) drain_end(connection);
    else drain_wait(connection);
}

void loop_drain(h2o_timeout_entry_t *entry)
{
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, drain, entry);
    h2o_linklist_t *first = loop->draining.next;
    if (first == &loop->draining) return;
    connection_resume(H2O_STRUCT_FROM_MEMBER(struct connection, postponed, first));
    if (loop->draining.next != &loop->draining)
        h2o_timeout_link(loop->context.loop, &loop->drain_timeout, &loop->drain);
}

/** A close with bytes unread resets the connection, and the client may never see why. So the
 *  rest of a body that is too large is read and thrown away, until the client closes or the
 *  sweep loses patience. */
static void drain_begin(struct error_stream *stream, h2o_req_t *request)
{
    h2o_socket_t *socket = request->conn->callbacks->get_socket(request->conn);
    struct connection *connection = socket->on_close.data;
    stream->request = request;
    connection->drain = stream;
    connection->quiet_ms = monotonic_ms();
    h2o_buffer_consume(&socket->input, socket->input->size);
    drain_wait(connection);
}

static void on_error_send(h2o_ostream_t *self, h2o_req_t *request, h2o_iovec_t *bodies,
                          size_t body_count, h2o_send_state_t state)
{
    struct error_stream *stream = (struct error_stream *)self;
    (void)bodies;
    if (stream->is_sent) {
        drain_begin(stream, request);
        return;
    }
    stream->is_sent = true;
    bool is_drained = request->res.status == 413 && request->version < 0x200 && body_count > 0;
    h2o_ostream_send_next(self, request, &stream->body, body_count > 0,
                          is_drained ? H2O_SEND_STATE_IN_PROGRESS : state);
}

static void on_error_stop(h2o_ostream_t *self, h2o_req_t *request)
{
    h2o_socket_t *socket = request->conn->callbacks->get_socket(request->conn);
    struct connection *connection = socket->on_close.data;
    if (connection->drain == (struct error_stream *)self) connection->drain = nullptr;
}

static void on_error_setup(h2o_filter_t *self, h2o_req_t *request, h2o_ostream_t **slot)
{
    (void)self;
    struct connection *connection =
        request->conn->callbacks->get_socket(request->conn)->on_close.data;
    char text[PROBLEM_BYTES_MAX];
    int status = request->res.status;
    size_t len = problem_write(
        text, status,
        status == 413 ? S("A request holds at most 1 MiB; larger things come in parts.")
                      : S("The request breaks the rules of HTTP."));
    request->res.headers.size = 0;
    request->res.content_length = len;
    add_token(request, H2O_TOKEN_CONTENT_TYPE, H2O_STRLIT("application/problem+json"));
    /* A request that a proxy handed on came to it by TLS or not, as it says. */
    bool is_secure = connection->is_proxy ? request_is_forwarded_secure(request)
                                          : connection->listener == LISTENER_HTTPS;
    standing_add(request, STANDING_ALL, is_secure);

    struct error_stream *stream =
        (struct error_stream *)h2o_add_ostream(request, sizeof *stream, slot);
    stream->super.do_send = on_error_send;
    stream->super.stop = on_error_stop;
    stream->body = h2o_strdup(&request->pool, text, len);
    stream->is_sent = false;
    stream->drained_bytes = 0;
    h2o_setup_next_ostream(request, &stream->super.next);
}

void problem_install(h2o_hostconf_t *host)
{
    /* A request that h2o refuses itself never meets a path, and so takes the fallback's filters. */
    h2o_filter_t *filter = h2o_create_filter(&host->fallback_path, sizeof *filter);
    filter->on_setup_ostream = on_error_setup;
}
