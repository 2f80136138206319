/** loop: what the files of this folder share: the server, its loops, connections, exchanges and
 *  tasks.
 *
 *  Floor   http.
 *  Thread  a loop, its connections and exchanges are touched by its own thread alone, once it runs.
 *  Memory  an exchange lives in its request's pool; a connection until its socket is closed and its
 *          tasks are answered.
 *  Source  libh2o-evloop 2.2.5 as installed; its holes and our answers: THREATS 3.
 */
#pragma once

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>

#include "base/clock.h"
#include "base/limits.h"
#include "http/http.h"
#include "http/screen.h"

constexpr uint32_t WORKERS = 2; /** threads for what is too long for a loop */
constexpr size_t DRAIN_BYTES_MAX =
    64 * MIB; /** of a refused body, read so that the answer is seen */

enum listener : uint8_t { LISTENER_HTTP, LISTENER_HTTPS, LISTENER_ADMIN };
#define LISTENERS 3

struct error_stream;
struct loop;
struct peer;
struct task_box;

struct connection {
    h2o_linklist_t link;
    struct loop *loop;
    h2o_socket_t *socket; /** nullptr once closed */
    struct peer *peer;    /** nullptr: not counted by address */
    SSL_CTX *certificate; /** held while it is shaken hands with */
    h2o_timeout_entry_t end;
    enum listener listener;
    bool is_loopback;
    bool is_proxy; /** the peer is the proxy that is believed */
    bool is_rated;
    bool is_ending;
    bool is_retiring; /** ends when its open requests have */
    bool is_framed;   /** HTTP/2 */
    bool was_busy;    /** a request came or went since the last sweep */
    uint32_t open;    /** requests shown to a handler and not ended */
    uint32_t tasks;
    uint32_t requests;
    uint32_t completed;
    uint32_t aborted;
    uint32_t receiving;         /** bodies under way, as the sweep counts them */
    uint64_t used_bytes;        /** of those received, what became requests */
    uint64_t received_bytes;    /** when it was last quiet */
    int64_t quiet_ms;           /** since then no byte has come */
    struct error_stream *drain; /** what is left of a refused body is read away */
    struct http_stream *stream; /** HTTP/1: stays open, and its peer's end is watched here */
    h2o_linklist_t unwatched;   /** of loop, while h2o's callback may stand where ours should */
    h2o_linklist_t postponed;   /** of loop, or its `writing`: what it sent waits */
    h2o_socket_cb read;         /** h2o's own, behind ours */
    struct screen *screen;      /** of HTTP/2 */
    size_t seen_bytes;          /** at the head of the socket's input, and counted */
    uint64_t unfinished_bytes;  /** HTTP/1: come since the last request was whole */
    size_t held_bytes;          /** as the loop counts them */
    size_t unsent_bytes;        /** of answers given and not taken */
    int64_t held_since_ms;      /** 0: it holds little */
    int64_t opened_ms;
    uint32_t visits; /** it is being worked with: not to be freed */
    int64_t visit_begun_ns;
    int64_t visit_ns; /** what the last one took */
    bool is_shaking;  /** hands, of TLS */
    bool is_entered;  /** h2o has it */
    int64_t begun_ms; /** when bytes were first seen that are no whole request yet; 0: none */
    uint8_t address_len;
    char address[INET6_ADDRSTRLEN];
};

struct http_exchange {
    h2o_linklist_t link;
    h2o_linklist_t deferred; /** of loop, until it is begun */
    h2o_req_t *request;
    struct connection *connection;
    struct task_box *task;
    struct http_stream *stream; /** of an answer in slices, or one that stays open */
    size_t written_bytes;       /** by the socket, when the answer was given */
    size_t body_bytes;
    size_t unsent_bytes;  /** counted for it */
    size_t working_bytes; /** of its request's body, counted while it is answered */
    uint64_t progress_bytes;
    int64_t progress_ms;
    bool is_answered;
    bool is_secure;
};

enum message_kind : uint8_t { MESSAGE_ANSWER, MESSAGE_CERTIFICATE, MESSAGE_STOP, MESSAGE_WAKE };

struct message {
    h2o_multithread_message_t super; /** first */
    enum message_kind kind;
    SSL_CTX *certificate;
};

/** An answer whose parts lie in one piece of memory. */
struct packed_header {
    h2o_iovec_t name;
    h2o_iovec_t value;
};
struct packed {
    struct http *http; /** whose `answers_bytes` hold this one's; nullptr: none */
    int status;
    uint32_t header_count;
    unsigned own; /** of enum standing: said in words of its own */
    h2o_iovec_t content_type;
    h2o_iovec_t body;
    struct packed_header headers[];
};

struct task_box {
    struct http_task task; /** first */
    struct message message;
    struct http_exchange *exchange; /** nullptr: the request has ended; touched by the loop alone */
    struct connection *connection;
    struct packed *packed; /** nullptr with an answer: there was no room for it */
    bool is_slice;         /** `packed` is a part of the answer, or its last one */
    bool is_last;
    bool is_parked; /** with its loop until the peer has taken the slice; the loop's own */
    atomic_bool is_abandoned;
};

/** An answer whose body comes piece by piece; it lives in its request's pool. */
struct http_stream {
    h2o_generator_t generator; /** first */
    struct http_exchange *exchange;
    void *sent; /** refcounted bytes that h2o reads until they are taken; nullptr: none */
    const struct http_stream_calls *calls; /** nullptr: it is a task's answer in slices */
    void *owner;
    int64_t opened_ms;
    bool is_sending; /** what was given to h2o is not taken yet */
    bool is_closing; /** ends as soon as that is taken */
    bool is_broken;  /** and then in disorder */
    bool is_ended;   /** h2o was told the end */
};

struct counters {
    atomic_uint_fast64_t requests, connections, refused_rate, refused_busy, closed_abuse,
        closed_stalled, closed_full;
};

struct loop {
    struct http *http;
    uint32_t number;
    pthread_t thread;
    h2o_context_t context;
    h2o_multithread_receiver_t receiver;
    h2o_accept_ctx_t accept[LISTENERS];
    h2o_socket_t *listeners[LISTENERS];
    h2o_timeout_t sweep_timeout;
    h2o_timeout_entry_t sweep;
    h2o_linklist_t connections;
    h2o_linklist_t exchanges;
    h2o_linklist_t unwatched; /** connections whose reading callback may be h2o's */
    h2o_linklist_t postponed; /** connections that wait for room, or for the next turn */
    h2o_linklist_t writing;   /** connections that wait until a write of theirs is done */
    h2o_linklist_t draining;  /** connections whose refused bodies are read away, one a tick */
    h2o_linklist_t deferred;  /** exchanges that are begun in one of the next turns */
    h2o_timeout_entry_t going_on;
    h2o_timeout_t drain_timeout;
    h2o_timeout_entry_t drain;
    int64_t turn_ns;      /** what connections have taken of the present turn */
    size_t held_bytes;    /** by its clients (http/hold.c) */
    bool held_much;       /** since the last trim */
    size_t dying_bytes;   /** by those that are marked to be ended, until they are closed */
    size_t working_bytes; /** of bodies whose requests are being answered */
    struct arena arena;   /** of the request being handled */
    struct http_header headers[HEADERS_MAX];
    uint32_t tasks;
    atomic_uint senders; /** threads inside loop_send */
    bool is_paused;      /** out of descriptors: accepts nothing until the next sweep */
    bool is_stopping;
    int64_t stop_at_ms; /** when what is still open is cut */
    uint64_t task_number;
    struct message wake; /** under way while `is_woken` */
    atomic_bool is_woken;
    struct counters counters;
};

struct peers; /** http/guard.c */

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    struct http_task *first;
    struct http_task **last;
    bool is_ending;
    uint32_t count;
    pthread_t threads[WORKERS];
};

struct http {
    struct http_options options;
    struct http_limits limits; /** none is 0 */
    h2o_globalconf_t config;
    struct loop *loops;
    uint32_t loop_count;
    pthread_barrier_t is_open;
    struct http_sockets sockets; /** those given to their loops are -1 */
    char *certificate_file;
    char *key_file;
    SSL_CTX *certificate; /** what new loops begin with */
    bool has_proxy;
    uint8_t proxy[16];
    struct peers *peers;
    struct workers workers;
    atomic_uint tasks;
    atomic_uint connections;
    atomic_size_t answers_bytes; /** of tasks' answers, until their requests have ended */
};

static inline int64_t monotonic_ms(void)
{
    return clock_monotonic_ns() / 1'000'000;
}

static inline void count(atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static inline str str_of_iovec(h2o_iovec_t bytes)
{
    return (str){bytes.base, bytes.len};
}

static inline struct loop *loop_of(h2o_req_t *request)
{
    return H2O_STRUCT_FROM_MEMBER(struct loop, context, request->conn->ctx);
}

/* answer.c */

/** Looks at the request and asks the handler. */
void exchange_begin(struct http_exchange *exchange);
/** Installs what answers requests. */
void answer_install(struct http *http);
/** One piece of memory for the answer, from `take(from, bytes)`. */
struct packed *answer_pack(const struct http_answer *answer,
                           void *(*take)(void *from, size_t bytes), void *from);
void answer_send(struct http_exchange *exchange, const struct packed *packed);
/** Status and headers of an answer whose length is told only when `is_whole`; the caller then
 *  starts the response. */
void answer_head(struct http_exchange *exchange, const struct packed *packed, bool is_whole);
/** The answer's body is not sent: to HEAD, and with some statuses. */
bool answer_has_no_body(h2o_req_t *request);
/** What the proxy says of the connection that it took this request from. */
bool request_is_forwarded_secure(const h2o_req_t *request);
void *take_from_pool(void *pool, size_t bytes);

/* problem.c */

const char *status_reason(int status);
void add_token(h2o_req_t *request, const h2o_token_t *token, const char *value, size_t len);
/** A problem document; `more` is one more header or has an empty name. */
void answer_problem(struct http_exchange *exchange, int status, str detail,
                    struct http_header more);
/** Throws away what is read of a refused body. */
void drain_read(h2o_socket_t *socket, const char *error);
/** From a timer: the next of those whose refused bodies are read away. */
void loop_drain(h2o_timeout_entry_t *entry);
/** Turns h2o's own errors into problem documents. */
void problem_install(h2o_hostconf_t *host);

/* standing.c */

/** What an answer may say in words of its own instead. */
enum standing : uint8_t { STANDING_ALL = 0, STANDING_CACHE = 1, STANDING_POLICY = 2 };

/** Which of them this header (its name in lower case) is, or STANDING_ALL. */
enum standing standing_of(str name);
/** What every answer says, but for those of `own`. */
void standing_add(h2o_req_t *request, unsigned own, bool is_secure);

/* stream.c */

/** A slice of a task's answer; takes over the packed bytes. The first one begins the answer. */
void stream_slice(struct http_exchange *exchange, struct packed *packed, bool is_last);
/** What a task began cannot be ended. */
void stream_break(struct http_stream *stream);
/** The exchange of the stream has ended. */
void stream_ended(struct http_stream *stream);
/** Whether its end, now, is nobody's abuse. */
bool stream_was_used(const struct http_stream *stream);
/** Ends all that would stay open for ever. */
void streams_stop(struct loop *loop);

/* http.c */

/** Any thread. */
void loop_send(struct loop *loop, struct message *message);

/* tasks.c */

void task_ended(
    struct http_exchange *exchange); /** the exchange has ended before its task's answer */
void task_answered(struct loop *loop, struct task_box *box);
/** The peer has taken the task's slice: it makes the next one. */
void task_resume(struct task_box *box);
void workers_open(struct workers *workers);
void workers_close(struct workers *workers);

/* guard.c */

struct peers *peers_open(void);
void peers_close(struct peers *peers);
/** A new socket; closes it when there is no room. */
void connection_accept(struct loop *loop, enum listener listener, h2o_socket_t *socket);
/** Marks the connection; it is cut from a timer, never inside a callback of h2o. */
void connection_end(struct connection *connection, atomic_uint_fast64_t *counter);
/** Counts an end that is the peer's own fault; its address gets fewer new connections for it. */
void connection_blame(struct connection *connection);
/** Both. */
void connection_end_abuse(struct connection *connection);
/** Forgets what was read and not looked at yet, so that h2o's loop over HTTP/2 frames stops after
 *  the present one (which it takes from the buffer itself when it is done). Thousands of requests
 *  may lie there, and some come out of the kernel even after the connection is shut. */
void connection_cut(struct connection *connection);
/** After the last task of a connection that is closed. */
void connection_release(struct connection *connection);
/** Ends an idle connection for another's sake; false when none can be spared. */
bool connection_make_room(struct loop *loop);
/** Whether the request is within its address's rate. */
bool connection_allows(struct connection *connection, str address);
/** An exchange has ended, well or not. */
void connection_settle(struct connection *connection, bool is_completed);
void loop_sweep(struct loop *loop);
/** Lower-case text to 16 bytes; IPv4 as mapped. */
bool address_read(str text, uint8_t address_out[16]);
bool address_is_loopback(const uint8_t address[16]);

/* entry.c */

/** TLS or not, HTTP/1 or HTTP/2; may close the connection before it returns. */
void connection_enter(struct connection *connection);
/** The socket's reading callback, before h2o's own. */
void connection_read(h2o_socket_t *socket, const char *error);
/** h2o may have set its own callback: it will be put back behind ours by loop_watch. */
void connection_watch(struct connection *connection);
/** Ends a visit, in which it may have been closed: then it may be gone. */
void connection_leave(struct connection *connection);
/** It waits in this list of its loop; what it sends meanwhile stays in the kernel and slows it. */
void connection_postpone(struct connection *connection, h2o_linklist_t *until);
/** It is no longer postponed: what it sends is read again. */
void connection_resume(struct connection *connection);
/** Whether a request that h2o shows may be begun at once. */
bool connection_may_begin(const struct connection *connection);
/** From a timer: those postponed have a part of this turn. */
void loop_go_on(h2o_timeout_entry_t *entry);
/** Between two turns of the loop. */
void loop_watch(struct loop *loop);

/* hold.c */

/** After what it holds may have changed; may mark this and other connections for their end. */
void hold_settle(struct connection *connection);
/** It is being marked for its end; its memory is free when it is closed, not before. */
void hold_doom(struct connection *connection);
/** At each sweep. */
void hold_trim(struct loop *loop);
/** Whether nothing more may be taken on until something is let go. */
bool hold_is_full(const struct loop *loop);
/** What of the answer is given to h2o and not taken by the peer, from now on. */
void exchange_owes(struct http_exchange *exchange, size_t bytes);
/** It is closed. */
void hold_drop(struct connection *connection);
/** Whether one more body of this length may be worked with. */
bool hold_has_room(struct loop *loop, size_t body_bytes);

/* tls.c */

/** ERR_INVALID: the files cannot be read or do not fit. */
enum err certificate_load(struct task *task, const char *certificate_file, const char *key_file,
                          SSL_CTX **out);
