#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/require.h"
#include "http/loop.h"

/** What one read may bring in: large enough for uploads over a distance, small enough that a
 *  flood is noticed. */
constexpr int RECEIVE_BYTES = 256 * 1024;
constexpr int BACKLOG = 1024;

union endpoint {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static socklen_t endpoint_bytes(const union endpoint *endpoint)
{
    return endpoint->any.sa_family == AF_INET ? sizeof endpoint->four : sizeof endpoint->six;
}

/** `127.0.0.1:80`, `[::1]:80`, `localhost:80`. */
static bool endpoint_read(str text, union endpoint *out, uint8_t address_out[16])
{
    size_t colon = SIZE_MAX;
    for (size_t at = 0; at < text.len; at++)
        if (text.at[at] == ':') colon = at;
    if (colon == SIZE_MAX) return false;
    str host = str_first(text, colon);
    int64_t port;
    if (!str_to_int64(str_from(text, colon + 1), &port) || port < 0 || port > 65'535) return false;
    bool is_bracketed = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (is_bracketed) host = (str){host.at + 1, host.len - 2};
    if (str_eq(host, S("localhost"))) host = S("127.0.0.1");
    if (!address_read(host, address_out)) return false;
    *out = (union endpoint){};
    bool is_four = str_find_byte(host, ':') == SIZE_MAX;
    if (is_four == is_bracketed) return false;
    if (is_four) {
        out->four.sin_family = AF_INET;
        out->four.sin_port = htons((uint16_t)port);
        memcpy(&out->four.sin_addr, address_out + 12, 4);
    } else {
        out->six.sin6_family = AF_INET6;
        out->six.sin6_port = htons((uint16_t)port);
        memcpy(&out->six.sin6_addr, address_out, 16);
    }
    return true;
}

static int socket_bind(const union endpoint *endpoint, bool is_shared)
{
    int on = 1;
    int receive_bytes = RECEIVE_BYTES;
    int descriptor = socket(endpoint->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    bool is_bound =
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!is_shared || setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes) == 0 &&
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        bind(descriptor, &endpoint->any, endpoint_bytes(endpoint)) == 0;
    if (is_bound) return descriptor;
    int reason = errno;
    close(descriptor);
    errno = reason;
    return -1;
}

/** A shared port would let a second server of the same user in unnoticed; a bind that does not
 *  share finds it. */
static bool is_taken(const union endpoint *endpoint)
{
    int descriptor = socket_bind(endpoint, false);
    if (descriptor >= 0) close(descriptor);
    return descriptor < 0;
}

static enum err listen_one(struct http_sockets *sockets, enum listener listener, uint32_t loop,
                           union endpoint *endpoint)
{
    int descriptor = socket_bind(endpoint, true);
    if (descriptor < 0) return ERR_SYSTEM;
    sockets->descriptors[loop][listener] = descriptor;
    if (listen(descriptor, BACKLOG) != 0) return ERR_SYSTEM;
    socklen_t len = sizeof *endpoint;
    if (getsockname(descriptor, &endpoint->any, &len) != 0) return ERR_SYSTEM;
    /* The next loop's socket binds the port that was free for this one. */
    sockets->ports[listener] = ntohs(endpoint->any.sa_family == AF_INET ? endpoint->four.sin_port
                                                                        : endpoint->six.sin6_port);
    return ERR_NONE;
}

static enum err listen_all(struct task *task, struct http_sockets *sockets, enum listener listener,
                           str text, bool has_proxy)
{
    union endpoint endpoint;
    uint8_t address[16];
    if (text.len == 0) return ERR_NONE;
    if (!endpoint_read(text, &endpoint, address))
        return fail(task, ERR_INVALID,
                    "%.*s is no address with port, such as 127.0.0.1:8080 or [::1]:8080",
                    FMT(text));
    if (listener == LISTENER_HTTP && !address_is_loopback(address) && !has_proxy)
        return fail(
            task, ERR_INVALID,
            "%.*s: plain HTTP is for loopback, or behind the proxy that --behind-proxy names",
            FMT(text));
    if (is_taken(&endpoint)) return fail(task, ERR_SYSTEM, "%.*s: %s", FMT(text), strerror(errno));
    for (uint32_t loop = 0; loop < sockets->loop_count; loop++)
        if (listen_one(sockets, listener, loop, &endpoint) != ERR_NONE)
            return fail(task, ERR_SYSTEM, "%.*s: %s", FMT(text), strerror(errno));
    return ERR_NONE;
}

enum err http_bind(struct task *task, const struct http_options *options,
                   struct http_sockets *sockets_out)
{
    const str texts[LISTENERS] = {options->http, options->https, options->admin};
    bool has_proxy = options->behind_proxy.len > 0;
    uint8_t proxy[16];
    *sockets_out =
        (struct http_sockets){.loop_count = options->threads == 0               ? 1
                                            : options->threads < HTTP_LOOPS_MAX ? options->threads
                                                                                : HTTP_LOOPS_MAX};
    memset(sockets_out->descriptors, 0xff, sizeof sockets_out->descriptors);
    if (has_proxy && !address_read(options->behind_proxy, proxy))
        return fail(task, ERR_INVALID, "%.*s is no address of a proxy, such as 192.0.2.7",
                    FMT(options->behind_proxy));
    enum err err = ERR_NONE;
    for (enum listener at = LISTENER_HTTP; at < LISTENERS && err == ERR_NONE; at++)
        err = listen_all(task, sockets_out, at, texts[at], has_proxy);
    if (err != ERR_NONE) http_unbind(sockets_out);
    return err;
}

void http_unbind(struct http_sockets *sockets)
{
    for (uint32_t loop = 0; loop < HTTP_LOOPS_MAX; loop++) {
        for (int at = 0; at < LISTENERS; at++) {
            if (sockets->descriptors[loop][at] >= 0) close(sockets->descriptors[loop][at]);
            sockets->descriptors[loop][at] = -1;
        }
    }
}
