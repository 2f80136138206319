/** client: bytes over a socket for the tests of http/, with no library between: HTTP/1.1 as text,
 *  HTTP/2 as frames.
 *
 *  Every read has a time limit, so a server that hangs fails a test instead of stopping it.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "http/http.h"
#include "test.h"

/** Nothing that is right takes as long: the bound is for what never comes. */
#define READ_MS_MAX 60'000

struct client {
    int descriptor;
    size_t len;
    char bytes[64 * 1024];
};

[[maybe_unused]] static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1'000'000;
}

[[maybe_unused]] static void client_open_small(struct client *client, uint16_t port,
                                               int receive_bytes)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {READ_MS_MAX / 1000, 0};
    int on = 1;
    client->len = 0;
    client->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    check(client->descriptor >= 0);
    check(setsockopt(client->descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    check(setsockopt(client->descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
    check(setsockopt(client->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    if (receive_bytes > 0)
        check(setsockopt(client->descriptor, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
                         sizeof receive_bytes) == 0);
    check(connect(client->descriptor, (struct sockaddr *)&to, sizeof to) == 0);
}

[[maybe_unused]] static void client_open(struct client *client, uint16_t port)
{
    client_open_small(client, port, 0);
}

[[maybe_unused]] static void client_close(struct client *client)
{
    close(client->descriptor);
}

/** False when the server has closed. */
[[maybe_unused]] static bool client_try_send(struct client *client, str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(client->descriptor, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes = str_from(bytes, (size_t)sent);
    }
    return true;
}

[[maybe_unused]] static void client_send(struct client *client, str bytes)
{
    check(client_try_send(client, bytes));
}

/** Reads more; false at the end or a reset. */
[[maybe_unused]] static bool client_read(struct client *client)
{
    check(client->len < sizeof client->bytes);
    ssize_t got = recv(client->descriptor, client->bytes + client->len,
                       sizeof client->bytes - client->len, 0);
    if (got < 0 && errno == EAGAIN)
        test_failed(__FILE__, __LINE__, "the server did not answer in time");
    if (got <= 0) return false;
    client->len += (size_t)got;
    return true;
}

[[maybe_unused]] static void client_forget(struct client *client, size_t bytes)
{
    check(bytes <= client->len);
    memmove(client->bytes, client->bytes + bytes, client->len - bytes);
    client->len -= bytes;
}

/** Throws away whatever comes; whether the server closed within `limit_ms`. */
[[maybe_unused]] static bool client_until_closed(struct client *client, int64_t limit_ms)
{
    int64_t begun_ms = now_ms();
    while (now_ms() - begun_ms < limit_ms) {
        struct timeval wait = {0, 20'000};
        char waste[16'384];
        check(setsockopt(client->descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0);
        ssize_t got = recv(client->descriptor, waste, sizeof waste, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) return true;
    }
    return false;
}

/* HTTP/1.1. */

struct answer {
    int status; /** 0: the connection was closed instead */
    str head;
    str body;
    char bytes[60 * 1024];
};

[[maybe_unused]] static str answer_header(const struct answer *answer, str name)
{
    str rest = answer->head;
    for (str line; rest.len > 0;) {
        str field, value;
        (void)str_cut(rest, '\n', &line, &rest);
        if (str_cut(line, ':', &field, &value) && str_eq_nocase(field, name))
            return str_trim(value);
    }
    return S("");
}

[[maybe_unused]] static bool str_has(str text, str part)
{
    return part.len == 0 ||
           (text.len > 0 && memmem(text.at, text.len, part.at, part.len) != nullptr);
}

[[maybe_unused]] static void client_answer(struct client *client, bool is_head,
                                           struct answer *answer)
{
    const char *end;
    answer->status = 0;
    answer->head = answer->body = S("");
    while ((end = memmem(client->bytes, client->len, "\r\n\r\n", 4)) == nullptr)
        if (!client_read(client)) return;
    size_t head_len = (size_t)(end - client->bytes) + 4;
    check(head_len <= sizeof answer->bytes);
    memcpy(answer->bytes, client->bytes, head_len);
    answer->head = (str){answer->bytes, head_len};
    client_forget(client, head_len);
    check(str_starts(answer->head, S("HTTP/1.1 ")));
    int64_t body_len = 0;
    str length = answer_header(answer, S("content-length"));
    if (length.len > 0) check(str_to_int64(length, &body_len));
    if (is_head) body_len = 0;
    while (client->len < (size_t)body_len) check(client_read(client));
    check(head_len + (size_t)body_len <= sizeof answer->bytes);
    memcpy(answer->bytes + head_len, client->bytes, (size_t)body_len);
    answer->body = (str){answer->bytes + head_len, (size_t)body_len};
    client_forget(client, (size_t)body_len);
    int64_t status;
    check(str_to_int64((str){answer->bytes + 9, 3}, &status));
    answer->status = (int)status;
}

/** One request and its answer. `more` are header lines, each with its line end. */
[[maybe_unused]] static void client_ask(struct client *client, const char *method, const char *path,
                                        const char *more, str body, struct answer *answer)
{
    char head[4096];
    int len = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: acme.localhost:8080\r\n%s",
                       method, path, more);
    if (body.len > 0)
        len += snprintf(head + len, sizeof head - (size_t)len, "Content-Length: %zu\r\n", body.len);
    client_send(client, (str){head, (size_t)len});
    client_send(client, S("\r\n"));
    client_send(client, body);
    client_answer(client, strcmp(method, "HEAD") == 0, answer);
}

[[maybe_unused]] static void client_get(struct client *client, const char *path,
                                        struct answer *answer)
{
    client_ask(client, "GET", path, "", S(""), answer);
}

/* HTTP/2 (RFC 9113). */

enum frame_type : uint8_t {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RESET = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW = 8,
    FRAME_CONTINUATION = 9
};
#define FLAG_END_STREAM 1
#define FLAG_END_HEADERS 4

struct frame {
    uint32_t len;
    uint8_t type;
    uint8_t flags;
    uint32_t stream;
    char body[16'384];
};

[[maybe_unused]] static size_t frame_write(char *to, uint8_t type, uint8_t flags, uint32_t stream,
                                           str body)
{
    uint8_t head[9] = {(uint8_t)(body.len >> 16),
                       (uint8_t)(body.len >> 8),
                       (uint8_t)body.len,
                       type,
                       flags,
                       (uint8_t)(stream >> 24),
                       (uint8_t)(stream >> 16),
                       (uint8_t)(stream >> 8),
                       (uint8_t)stream};
    memcpy(to, head, sizeof head);
    if (body.len > 0) memcpy(to + sizeof head, body.at, body.len);
    return sizeof head + body.len;
}

/** HPACK (RFC 7541) without a table: method and scheme by index, path and authority as literals. */
[[maybe_unused]] static size_t request_write(char *to, bool is_post, const char *path)
{
    size_t len = 0;
    to[len++] = (char)(is_post ? 0x83 : 0x82);
    to[len++] = (char)0x86;
    to[len++] = 0x04;
    to[len++] = (char)strlen(path);
    memcpy(to + len, path, strlen(path));
    len += strlen(path);
    to[len++] = 0x01;
    to[len++] = 9;
    memcpy(to + len, "localhost", 9);
    return len + 9;
}

[[maybe_unused]] static bool client_frame(struct client *client, uint8_t type, uint8_t flags,
                                          uint32_t stream, str body)
{
    char bytes[9 + 16'384];
    return client_try_send(client, (str){bytes, frame_write(bytes, type, flags, stream, body)});
}

[[maybe_unused]] static bool client_request(struct client *client, uint32_t stream, bool is_post,
                                            const char *path)
{
    char block[512];
    size_t len = request_write(block, is_post, path);
    uint8_t flags = FLAG_END_HEADERS | (is_post ? 0 : FLAG_END_STREAM);
    return client_frame(client, FRAME_HEADERS, flags, stream, (str){block, len});
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/** What a connection begins with. `settings` are bytes of a SETTINGS frame. */
[[maybe_unused]] static size_t preface_write(char *to, str settings)
{
    memcpy(to, PREFACE, sizeof PREFACE - 1);
    return sizeof PREFACE - 1 +
           frame_write(to + sizeof PREFACE - 1, FRAME_SETTINGS, 0, 0, settings);
}

[[maybe_unused]] static void client_open_h2(struct client *client, uint16_t port, str settings)
{
    char bytes[128];
    client_open(client, port);
    client_send(client, (str){bytes, preface_write(bytes, settings)});
}

/** The next frame; false when the server has closed. */
[[maybe_unused]] static bool client_next(struct client *client, struct frame *frame)
{
    while (client->len < 9)
        if (!client_read(client)) return false;
    const uint8_t *head = (const uint8_t *)client->bytes;
    frame->len = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    frame->type = head[3];
    frame->flags = head[4];
    frame->stream =
        (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
    check(frame->len <= sizeof frame->body);
    while (client->len < 9 + frame->len)
        if (!client_read(client)) return false;
    memcpy(frame->body, client->bytes + 9, frame->len);
    client_forget(client, 9 + frame->len);
    return true;
}

/** Reads until this stream ends; its body's length, or -1 when it was reset or the server
 *  closed. */
[[maybe_unused]] static int64_t client_stream(struct client *client, uint32_t stream)
{
    struct frame frame;
    int64_t bytes = 0;
    while (client_next(client, &frame)) {
        if (frame.stream != stream) continue;
        if (frame.type == FRAME_RESET) return -1;
        if (frame.type == FRAME_DATA) bytes += frame.len;
        if ((frame.type == FRAME_DATA || frame.type == FRAME_HEADERS) &&
            frame.flags & FLAG_END_STREAM)
            return bytes;
    }
    return -1;
}

/* The server under test. */

[[maybe_unused]] static struct http *server_open(struct http_options options)
{
    static struct test_task test;
    struct http *http;
    test_task_init(&test);
    if (options.http.len == 0 && options.https.len == 0) options.http = S("127.0.0.1:0");
    enum err err = http_open(&test.task, &options, &http);
    if (err != ERR_NONE) fprintf(stderr, "%.*s\n", FMT(test.task.fault.detail));
    check_int(err, ERR_NONE);
    test_task_drop(&test);
    return http;
}

[[maybe_unused]] static void answer_text(struct http_request *request, int status, str text)
{
    http_answer(
        request->exchange,
        &(struct http_answer){.status = status, .content_type = S("text/plain"), .body = text});
}

/** h2o keeps memory and one queue for each thread it ran on. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libh2o\nleak:libcrypto\n";
}

/** h2o reads its list of connections' ids and its clock as it likes. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libh2o\n";
}
