#include "base/log.h"
#include "base/require.h"
#include "http/head.h"
#include "http/loop.h"
#include "http/query.h"

/** What a request's head and framing may take of a connection's received bytes. */
constexpr size_t HEAD_BYTES = 16 * KIB;

struct handler {
    h2o_handler_t super;
    struct http *http;
};

static const char methods_served[] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/* Answers. */

void *take_from_pool(void *pool, size_t bytes)
{
    return h2o_mem_alloc_pool(pool, bytes);
}

static char *put(char **room, str bytes)
{
    char *at = *room;
    if (bytes.len > 0) memcpy(at, bytes.at, bytes.len);
    *room += bytes.len;
    return at;
}

/** HTTP/2 knows lower-case names only. */
static h2o_iovec_t put_lower(char **room, str name)
{
    char *at = put(room, name);
    h2o_strtolower(at, name.len);
    return h2o_iovec_init(at, name.len);
}

static bool value_is_sound(str value)
{
    if (!str_has_control(value)) return true;
    for (size_t at = 0; at < value.len; at++) {
        uint8_t byte = (uint8_t)value.at[at];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) return false;
    }
    return true;
}

/** Line ends in a name or value would let a caller's text become another header. */
static bool header_is_sound(const struct http_header *header)
{
    return header->name.len > 0 && !str_has_control(header->name) &&
           str_find_byte(header->name, ' ') == SIZE_MAX &&
           str_find_byte(header->name, ':') == SIZE_MAX && value_is_sound(header->value);
}

struct packed *answer_pack(const struct http_answer *answer,
                           void *(*take)(void *from, size_t bytes), void *from)
{
    require(answer->status >= 200 && answer->status <= 599);
    size_t bytes = sizeof(struct packed) + answer->header_count * sizeof(struct packed_header);
    size_t text_bytes = answer->content_type.len + answer->body.len;
    for (uint32_t at = 0; at < answer->header_count; at++)
        text_bytes += answer->headers[at].name.len + answer->headers[at].value.len;

    struct packed *packed = take(from, bytes + text_bytes);
    char *room = (char *)packed + bytes;
    packed->http = nullptr;
    packed->status = answer->status;
    packed->header_count = 0;
    packed->own = STANDING_ALL;
    packed->content_type =
        h2o_iovec_init(put(&room, answer->content_type), answer->content_type.len);
    for (uint32_t at = 0; at < answer->header_count; at++) {
        const struct http_header *header = &answer->headers[at];
        if (!header_is_sound(header)) {
            log_warning("http", "an answer's header %.*s was left out: it holds control bytes",
                        FMT(header->name));
            continue;
        }
        struct packed_header *kept = &packed->headers[packed->header_count++];
        kept->name = put_lower(&room, header->name);
        kept->value = h2o_iovec_init(put(&room, header->value), header->value.len);
        packed->own |= standing_of(str_of_iovec(kept->name));
    }
    packed->body = h2o_iovec_init(put(&room, answer->body), answer->body.len);
    return packed;
}

bool answer_has_no_body(h2o_req_t *request)
{
    return request->res.status == 204 || request->res.status == 304 ||
           str_eq(str_of_iovec(request->input.method), S("HEAD"));
}

void answer_head(struct http_exchange *exchange, const struct packed *packed, bool is_whole)
{
    h2o_req_t *request = exchange->request;
    require(!exchange->is_answered);

    request->res.status = packed->status;
    request->res.reason = status_reason(packed->status);
    if (packed->content_type.len > 0)
        add_token(request, H2O_TOKEN_CONTENT_TYPE, packed->content_type.base,
                  packed->content_type.len);
    for (uint32_t at = 0; at < packed->header_count; at++) {
        const struct packed_header *header = &packed->headers[at];
        h2o_add_header_by_str(&request->pool, &request->res.headers, header->name.base,
                              header->name.len, 1, nullptr, header->value.base, header->value.len);
    }
    standing_add(request, packed->own, exchange->is_secure);
    /* RFC 9110, 8.6: neither 204 nor 304 says a length here; to HEAD it is that of GET. */
    if (is_whole && packed->status != 204 && packed->status != 304)
        request->res.content_length = packed->body.len;
    exchange->is_answered = true;
    exchange->written_bytes = exchange->connection->socket->bytes_written;
    exchange->progress_bytes = 0;
    exchange->progress_ms = 0;
}

void answer_send(struct http_exchange *exchange, const struct packed *packed)
{
    static h2o_generator_t generator = {nullptr, nullptr};
    h2o_req_t *request = exchange->request;
    answer_head(exchange, packed, true);
    h2o_iovec_t body = answer_has_no_body(request) ? h2o_iovec_init(nullptr, 0) : packed->body;
    exchange->body_bytes = body.len;
    exchange_owes(exchange, body.len);
    /* The exchange may be gone when h2o returns. */
    struct connection *connection = exchange->connection;
    connection->visits++;
    h2o_start_response(request, &generator);
    h2o_send(request, &body, body.len > 0, H2O_SEND_STATE_FINAL);
    connection_leave(connection);
}

void http_answer(struct http_exchange *exchange, const struct http_answer *answer)
{
    require(exchange->task == nullptr);
    answer_send(exchange, answer_pack(answer, take_from_pool, &exchange->request->pool));
}

struct arena *http_arena(struct http_exchange *exchange)
{
    return &exchange->connection->loop->arena;
}

str http_header(const struct http_request *request, str name)
{
    for (uint32_t at = 0; at < request->header_count; at++)
        if (str_eq(request->headers[at].name, name)) return request->headers[at].value;
    return S("");
}

uint32_t http_header_count(const struct http_request *request, str name)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < request->header_count; at++)
        count += str_eq(request->headers[at].name, name);
    return count;
}

/* Requests. */

static void on_exchange_end(void *memory)
{
    struct http_exchange *exchange = memory;
    struct connection *connection = exchange->connection;
    h2o_req_t *request = exchange->request;
    h2o_linklist_unlink(&exchange->link);
    if (h2o_linklist_is_linked(&exchange->deferred)) h2o_linklist_unlink(&exchange->deferred);
    connection->open--;
    connection->unsent_bytes -= exchange->unsent_bytes;
    connection->loop->working_bytes -= exchange->working_bytes;
    connection_watch(connection);
    bool is_used = exchange->stream == nullptr || stream_was_used(exchange->stream);
    if (exchange->stream != nullptr) stream_ended(exchange->stream);
    if (exchange->task != nullptr) task_ended(exchange);
    /* A reset stream is disposed like a finished one. What tells them apart: nothing was written
     * since the answer, or not all of its body. HTTP/1 cannot reset; there the connection itself
     * ends. */
    bool is_completed = exchange->is_answered && is_used;
    if (request->version >= 0x200)
        is_completed = is_completed && request->bytes_sent >= exchange->body_bytes &&
                       connection->socket->bytes_written > exchange->written_bytes;
    connection_settle(connection, is_completed);
}

static struct http_exchange *exchange_open(h2o_req_t *request)
{
    struct loop *loop = loop_of(request);
    h2o_socket_t *socket = request->conn->callbacks->get_socket(request->conn);
    struct connection *connection = socket->on_close.data;
    struct http_exchange *exchange =
        h2o_mem_alloc_shared(&request->pool, sizeof *exchange, on_exchange_end);
    *exchange = (struct http_exchange){
        .request = request,
        .connection = connection,
        .is_secure = connection->listener == LISTENER_HTTPS,
    };
    exchange->working_bytes = request->entity.len;
    loop->working_bytes += exchange->working_bytes;
    h2o_linklist_insert(&loop->exchanges, &exchange->link);
    connection->open++;
    connection->requests++;
    connection->was_busy = true;
    connection->begun_ms = 0;
    connection->unfinished_bytes = 0;
    connection->used_bytes += request->entity.len + HEAD_BYTES;
    count(&loop->counters.requests);
    return exchange;
}

static bool method_is_served(str method, bool *is_known_out)
{
    static const str served[] = {S("GET"),   S("HEAD"),   S("POST"),   S("PUT"),
                                 S("PATCH"), S("DELETE"), S("OPTIONS")};
    *is_known_out = true;
    for (size_t at = 0; at < sizeof served / sizeof served[0]; at++)
        if (str_eq(method, served[at])) return true;
    *is_known_out = str_eq(method, S("TRACE")) || str_eq(method, S("CONNECT"));
    return false;
}

/** Header views; several cookie fields are one (RFC 9113, 8.2.3). */
static void view_headers(struct loop *loop, h2o_req_t *request, struct http_request *view)
{
    struct http_header *cookie = nullptr;
    for (size_t at = 0; at < request->headers.size; at++) {
        const h2o_header_t *header = &request->headers.entries[at];
        struct http_header *kept = &loop->headers[view->header_count];
        *kept = (struct http_header){str_of_iovec(*header->name), str_of_iovec(header->value)};
        if (header->name == &H2O_TOKEN_COOKIE->buf) {
            if (cookie != nullptr) {
                cookie->value =
                    arena_print(&loop->arena, "%.*s; %.*s", FMT(cookie->value), FMT(kept->value));
                continue;
            }
            cookie = kept;
        }
        view->header_count++;
    }
    view->headers = loop->headers;
}

bool request_is_forwarded_secure(const h2o_req_t *request)
{
    static const char name[] = "x-forwarded-proto";
    ssize_t at = h2o_find_header_by_str(&request->headers, name, sizeof name - 1, -1);
    return at >= 0 && str_eq(str_of_iovec(request->headers.entries[at].value), S("https"));
}

/** What the proxy says of the client: the last hop alone, for earlier ones are the client's own
 *  words. */
static void view_proxy(struct http_exchange *exchange, struct http_request *view)
{
    str last = S("");
    for (uint32_t at = 0; at < view->header_count; at++)
        if (str_eq(view->headers[at].name, S("x-forwarded-for"))) last = view->headers[at].value;
    for (str before, behind; str_cut(last, ',', &before, &behind);) last = behind;
    uint8_t address[16];
    last = str_trim(last);
    if (address_read(last, address)) view->address = last;
    exchange->is_secure = request_is_forwarded_secure(exchange->request);
}

static bool view_target(struct loop *loop, h2o_req_t *request, struct http_request *view)
{
    str authority = str_of_iovec(request->input.authority);
    str target = str_of_iovec(request->input.path);
    /* h2o puts in the name of its only host where none was sent. */
    if (request->input.authority.base == request->hostconf->authority.hostport.base)
        authority = S("");
    for (int at = 0; at < 2;
         at++) { /* RFC 9112, 3.2.2: the absolute form's authority overrides Host */
        str prefix = at == 0 ? S("http://") : S("https://");
        if (!str_starts(target, prefix)) continue;
        str rest = str_from(target, prefix.len);
        size_t slash = str_find_byte(rest, '/');
        if (slash == SIZE_MAX) return false;
        authority = str_first(rest, slash);
        target = str_from(rest, slash);
    }
    str raw_path;
    (void)str_cut(target, '?', &raw_path, &view->query);
    return authority_read(&loop->arena, authority, &view->host_and_port, &view->host) &&
           path_decode(&loop->arena, raw_path, &view->path);
}

/** In HTTP/2 a field that was sent once costs its repetitions one byte each, but counts whole. */
static bool head_is_too_large(const h2o_req_t *request)
{
    if (request->headers.size > HEADERS_MAX) return true;
    size_t bytes = request->input.path.len + request->input.authority.len;
    for (size_t at = 0; at < request->headers.size; at++)
        bytes += request->headers.entries[at].name->len + request->headers.entries[at].value.len;
    return bytes > HEADER_BYTES_MAX;
}

/** An HTTP/1 request's head as it came: h2o takes it from the buffer behind the answer only. */
static str head_of(const struct connection *connection)
{
    const h2o_buffer_t *input = connection->socket->input;
    return (str){input->bytes, input->size};
}

/** Refuses at the smallest price, before anything is looked at. */
static bool is_refused(struct http_exchange *exchange)
{
    static const struct http_header retry = {S("retry-after"), S("1")};
    static const struct http_header nothing;
    struct connection *connection = exchange->connection;
    struct loop *loop = connection->loop;
    h2o_req_t *request = exchange->request;
    if (connection->is_ending) {
        connection_cut(connection);
        answer_problem(exchange, 503, S("This connection is being closed."), retry);
    } else if (head_is_too_large(request)) {
        /* Their memory is spent already; whoever sends such a request gets no second one. */
        answer_problem(exchange, 431, S("A request holds at most 100 header fields, of 64 KiB."),
                       nothing);
        request->http1_is_persistent = 0;
        if (request->version >= 0x200) connection_end_abuse(connection);
    } else if (request->version < 0x200 && !head_is_sound(head_of(connection))) {
        answer_problem(exchange, 400, S("The host or the framing of this request is ambiguous."),
                       nothing);
        request->http1_is_persistent = 0;
    } else if (request->entity.len > BODY_BYTES_MAX) {
        answer_problem(exchange, 413,
                       S("A request holds at most 1 MiB; larger things come in parts."), nothing);
    } else if (!hold_has_room(loop, request->entity.len)) {
        count(&loop->counters.refused_busy);
        answer_problem(exchange, 503, S("Too many large bodies are under way; try again."), retry);
    } else {
        return false;
    }
    return true;
}

static void close_when_spent(struct http_exchange *exchange)
{
    struct connection *connection = exchange->connection;
    bool is_spent = connection->requests >= connection->loop->http->limits.connection_requests;
    if (!is_spent && !connection->loop->is_stopping) return;
    exchange->request->http1_is_persistent = 0;
    connection->is_retiring = true;
}

/** Builds the view and asks the handler. Runs behind a guard of the loop's arena. */
static enum err handle(void *memory)
{
    static const struct http_header nothing;
    static const struct http_header retry = {S("retry-after"), S("1")};
    struct http_exchange *exchange = memory;
    struct connection *connection = exchange->connection;
    struct loop *loop = connection->loop;
    struct http *http = loop->http;
    h2o_req_t *request = exchange->request;
    struct http_request view = {
        .method = str_of_iovec(request->input.method),
        .address = {connection->address, connection->address_len},
        .is_loopback = connection->is_loopback && !http->has_proxy,
        .body = str_of_iovec(request->entity),
        .exchange = exchange,
        .owner = http->options.owner,
    };
    view_headers(loop, request, &view);
    if (connection->is_proxy) view_proxy(exchange, &view);
    view.scheme = exchange->is_secure ? S("https") : S("http");
    if (!connection_allows(connection, view.address)) {
        count(&loop->counters.refused_rate);
        answer_problem(exchange, 429, S("Too many requests from this address."), retry);
        return ERR_NONE;
    }
    bool is_known;
    if (!method_is_served(view.method, &is_known)) {
        struct http_header allow = {S("allow"), str_of(methods_served)};
        answer_problem(exchange, is_known ? 405 : 501, S("The methods served are named in Allow."),
                       allow);
        return ERR_NONE;
    }
    if (!view_target(loop, request, &view)) {
        answer_problem(exchange, 400, S("The host or the path of this request is not well formed."),
                       nothing);
        return ERR_NONE;
    }
    bool is_admin = connection->listener == LISTENER_ADMIN;
    (is_admin ? http->options.handle_admin : http->options.handle)(&view);
    return ERR_NONE;
}

void exchange_begin(struct http_exchange *exchange)
{
    struct loop *loop = exchange->connection->loop;
    close_when_spent(exchange);
    if (is_refused(exchange)) return;
    enum err err = arena_guard(&loop->arena, handle, exchange);
    arena_clear(&loop->arena);
    if (exchange->is_answered || exchange->task != nullptr) return;
    static const struct http_header nothing;
    log_error("http", "a handler gave no answer: %.*s",
              FMT(str_of_iovec(exchange->request->input.path)));
    answer_problem(exchange, err == ERR_TOO_LARGE ? 413 : 500, S("No answer could be made."),
                   nothing);
}

static int on_request(h2o_handler_t *self, h2o_req_t *request)
{
    (void)self;
    struct http_exchange *exchange = exchange_open(request);
    if (connection_may_begin(exchange->connection)) exchange_begin(exchange);
    else h2o_linklist_insert(&exchange->connection->loop->deferred, &exchange->deferred);
    return 0;
}

void answer_install(struct http *http)
{
    h2o_hostconf_t *host =
        h2o_config_register_host(&http->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *every = h2o_config_register_path(host, "/", 0);
    struct handler *handler = (struct handler *)h2o_create_handler(every, sizeof *handler);
    handler->super.on_req = on_request;
    handler->http = http;
    problem_install(host);
}
