/** http: HTTP/1.1 and HTTP/2 by libh2o, and nothing of the domain: listeners, threads, TLS,
 *  requests, answers, limits and defences.
 *
 *  One event loop a thread, each with its own listening socket (SO_REUSEPORT). A request is shown
 *  to its handler on the loop, as views of the request. The handler answers at once, or makes a
 *  task that owns copies of all it needs, hands it elsewhere and returns; the answer comes back as
 *  a message to the loop. No `h2o_req_t` leaves its loop: the loop alone knows which task belongs
 *  to which open request, and a request that is reset marks its task abandoned.
 *
 *  Floor   http; h2o.h and OpenSSL only in this folder.
 *  Thread  http_open, http_close, http_reload: main. Handlers run on loops. http_task_answer: any
 *          thread.
 *  Source  RFC 9110, 9112, 9113; defences: THREATS 3.3.
 */
#pragma once

#include "base/task.h"

struct http;
struct http_exchange;

constexpr uint32_t HTTP_LOOPS_MAX = 64;

struct http_header {
    str name;
    str value;
};

/** Views of the request, valid while the handler runs. */
struct http_request {
    str method;
    str path;          /** before the `?`, percent-decoded once, no dot segments, no NUL */
    str query;         /** behind the `?`, still encoded */
    str host;          /** lower case, without port; :authority or Host */
    str host_and_port; /** as sent, lower case */
    str scheme;        /** `https` or `http`; from the proxy when one is configured */
    str address;       /** of the client, as text */
    bool is_loopback;  /** peer is loopback and no proxy is configured */
    str body;
    uint32_t header_count;
    const struct http_header *headers; /** names lower case */
    struct http_exchange *exchange;
    void *owner; /** of http_options */
};

/** Beside its own headers each answer carries what protects a browser that shows it
 *  (http/standing.c); `cache-control` and `content-security-policy` of its own replace those. */
struct http_answer {
    int status;
    str content_type; /** empty: no body type header */
    str body;         /** copied by the call */
    uint32_t header_count;
    const struct http_header *headers;
};

/** The first one of this name; empty when there is none. */
str http_header(const struct http_request *request, str name);
uint32_t http_header_count(const struct http_request *request, str name);

/** On the loop: answers now. */
void http_answer(struct http_exchange *exchange, const struct http_answer *answer);
/** On the loop: an arena that is cleared once the handler has returned (http_answer copies what
 *  it sends). */
struct arena *http_arena(struct http_exchange *exchange);

/** A request's task: arena, copies, and the way back. */
struct http_task {
    struct task task;
    struct arena arena;
    struct arena slice; /** of the slice that is being formed; the answer's maker clears it */
    struct http *http;
    uint64_t number; /** of the open request on its loop */
    uint32_t loop;
    void (*run)(struct http_task *task); /** on a worker; what http_task_queue calls */
    struct http_task *next;
    void *request; /** api/'s own */
};
/** On the loop. nullptr when TASKS_MAX or TASKS_PER_CONNECTION_MAX is reached: the request was
 *  then answered 503 with Retry-After. */
struct http_task *http_task_make(struct http_exchange *exchange);
/** Any thread: whether the request was reset; a task not begun may then be dropped. */
bool http_task_is_abandoned(const struct http_task *task);
/** Any thread, exactly once: copies and sends the answer (thrown away when the request was
 *  reset), and drops the task with its arena before it returns. */
void http_task_answer(struct http_task *task, const struct http_answer *answer);
/** Any thread: hands the task to a worker thread (`task->run`), at most WORKERS at once, the
 *  rest wait in order. */
void http_task_queue(struct http_task *task);

/* Answers in slices, for what is too long to lie in memory. A task gives its answer piece by piece;
 * between two pieces it is with its loop, not with a thread, until the peer has taken all of the
 * first. Then `task->run` is called again on a worker. So a slow peer costs one slice of memory and
 * no thread; one that takes nothing for a stall's time is cut, and the task of a request that has
 * ended is dropped without being run again. What `run` needs from one slice to the next lies in
 * task->arena; it holds no transaction between them. */

constexpr size_t SLICE_BYTES_USUAL = 64 * 1024; /** a maker ends its slice when it is this long */

/** On a worker, from `run`; the task is out of the caller's hands. The first slice is a whole
 *  answer, but for its length: status (200), headers, and the beginning of its body; of later ones
 *  the body alone counts, and is not empty. `is_last` ends the answer and drops the task with its
 *  arenas, as http_task_answer does. */
void http_task_slice(struct http_task *task, const struct http_answer *slice, bool is_last);
/** As the last slice, behind at least one: what was begun cannot be ended. The peer sees a broken
 *  transfer, not a short answer. */
void http_task_break(struct http_task *task);

/* Answers that stay open: thousands of them, each only a small struct on its loop. Everything here
 * is called on that loop. */

struct http_stream;
/** Bytes that any number of one loop's streams send, copied once; ended by http_bytes_drop, and by
 *  the streams as they have sent them. */
struct http_bytes;

struct http_stream_calls {
    void (*taken)(struct http_stream *stream, void *owner); /** all that was written is sent */
    /** It is over, whoever ended it; the last call, after which the stream is gone. */
    void (*ended)(struct http_stream *stream, void *owner);
};

/** Instead of an answer: `head` has status 200, headers, and a body that is sent at once (not
 *  empty). HTTP/1.1 ends the connection with the stream, whose end a peer may see by that too. */
struct http_stream *http_stream_open(struct http_exchange *exchange, const struct http_answer *head,
                                     const struct http_stream_calls *calls, void *owner);
/** Whether something may be written; from `taken` until the next write. */
bool http_stream_is_ready(const struct http_stream *stream);
/** When it is ready. The bytes are not empty. */
void http_stream_write(struct http_stream *stream, struct http_bytes *bytes);
/** Ends it in order, once what was written is sent; `ended` follows, perhaps before this returns.
 *  The server's end does the same to all that are open. */
void http_stream_close(struct http_stream *stream);
struct http_bytes *http_bytes_make(str bytes);
void http_bytes_drop(struct http_bytes *bytes);

/** The number of the loop that an exchange belongs to, below http_loops. */
uint32_t http_loop(const struct http_exchange *exchange);
struct http *http_of(const struct http_exchange *exchange);
uint32_t http_loops(const struct http *http);
/** Any thread, until http_close: `woken` is called on that loop soon, once for any number of calls
 *  before it. Never blocks. A loop may wake itself, to go on after others had their turn. */
void http_wake(struct http *http, uint32_t loop);

/** Bounds that a test or an operator changes; 0 takes the default of base/limits.h. */
struct http_limits {
    int64_t request_ms; /** from first byte to whole request */
    int64_t stall_ms;   /** a response of which the peer takes nothing */
    int64_t idle_ms;    /** a connection without bytes */
    int64_t handshake_ms;
    int64_t stop_ms;  /** of a graceful stop */
    int64_t sweep_ms; /** between two looks at all connections; 0: a second */
    uint32_t connections;
    uint32_t connections_per_address; /** given: holds for loopback too */
    uint32_t connection_requests;
    uint32_t connection_aborts;
    uint32_t connection_frames; /** of HTTP/2 that carry nothing, at once */
    uint32_t connection_rate;   /** new ones a second for an address; given: loopback too */
    uint32_t connection_tasks;
    uint32_t tasks;
    uint64_t held_bytes;    /** by clients: what they send and do not end, what they do not take */
    uint64_t answers_bytes; /** of large answers that wait for their readers; then 503 */
};

/** Listening sockets, one of each kind for each loop. */
struct http_sockets {
    uint32_t loop_count;
    uint16_t ports[3];                  /** bound, host order, in the order of http_port */
    int descriptors[HTTP_LOOPS_MAX][3]; /** -1: none */
};

struct http_options {
    str http; /** ADDR:PORT or empty; port 0: any free port */
    str https;
    str tls_certificate, tls_key; /** files */
    str admin;                    /** ADDR:PORT of the operator's listener, or empty */
    /** Address of the proxy whose X-Forwarded-For and -Proto are believed, or empty. */
    str behind_proxy;
    uint32_t threads;
    /** Bound before by http_bind; the server takes the descriptors over. nullptr: it binds. */
    struct http_sockets *sockets;
    uint32_t rate; /** requests a second for an address; 0: default and none on loopback */
    void (*handle)(struct http_request *request); /** on a loop; must answer or make a task */
    void (*handle_admin)(struct http_request *request);
    void (*woken)(void *owner, uint32_t loop); /** by http_wake; nullptr: none */
    void (*tick)(void *owner, uint32_t loop);  /** on each loop about once a second, or nullptr */
    void *owner;
    struct http_limits limits;
};

/** Binds and listens, so that connections wait until somebody serves them; of the options those of
 *  addresses, proxy and threads count. ERR_SYSTEM: an address is in use; ERR_INVALID: plain HTTP
 *  on a public address without --behind-proxy. */
enum err http_bind(struct task *task, const struct http_options *options,
                   struct http_sockets *sockets_out);
/** Closes those that no server took over. */
void http_unbind(struct http_sockets *sockets);

/** Listens and starts the loops; from then on SIGPIPE is ignored. ERR_SYSTEM: an address is in
 *  use; ERR_INVALID: plain HTTP on a public address without --behind-proxy; certificate and key
 *  do not fit. */
enum err http_open(struct task *task, const struct http_options *options, struct http **http_out);
/** The port bound, host order: for port 0. `which`: 0 http, 1 https, 2 admin. */
uint16_t http_port(const struct http *http, int which);
/** Reads certificate and key again; the old ones stay when the new ones do not fit. */
enum err http_reload(struct task *task, struct http *http);
/** No new connections; open requests are finished, at most STOP_MS_MAX; then all ends. */
void http_close(struct http *http);

struct http_figures {
    uint64_t requests, connections, connections_open, refused_rate, refused_busy, closed_abuse,
        closed_stalled, closed_full;
    uint32_t tasks_open;
};
struct http_figures http_figures(struct http *http);

/** `%41` and `+` decoded; false when the encoding is broken, holds NUL, or is not UTF-8. */
bool http_query_decode(struct arena *arena, str text, bool plus_is_space, str *text_out);
/** The next `name=value` of a query string, decoded; false at the end. What cannot be decoded
 *  sets *is_broken_out (with empty texts) and ends the query; otherwise the flag is left alone,
 *  so it begins false and may be asked in the loop or behind it. */
bool http_query_next(struct arena *arena, struct cursor *query, str *name_out, str *value_out,
                     bool *is_broken_out);
/** A cookie's value by name, or empty. */
str http_cookie(str cookie_header, str name);
