#include "client.h"

static struct client client;
static struct answer answer;
static char kilobyte[1024];

static void show(struct http_request *request)
{
    str text = arena_print(
        http_arena(request->exchange), "%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%d|%zu|%.*s|%.*s",
        FMT(request->method), FMT(request->path), FMT(request->query), FMT(request->host),
        FMT(request->host_and_port), FMT(request->scheme), FMT(request->address),
        request->is_loopback, request->body.len, FMT(http_header(request, S("x-one"))),
        FMT(http_header(request, S("cookie"))));
    answer_text(request, 200, text);
}

static void handle(struct http_request *request)
{
    static const struct http_header own[] = {{S("ETag"), S("\"v1\"")},
                                             {S("Cache-Control"), S("max-age=5")}};
    static const struct http_header split[] = {{S("location"), S("/a\r\nset-cookie: x=y")},
                                               {S("x-good"), S("1")}};
    struct http_exchange *exchange = request->exchange;
    if (str_eq(request->path, S("/show"))) show(request);
    else if (str_eq(request->path, S("/kilobyte")))
        answer_text(request, 200, (str){kilobyte, sizeof kilobyte});
    else if (str_eq(request->path, S("/own")))
        http_answer(exchange,
                    &(struct http_answer){.status = 200, .header_count = 2, .headers = own});
    else if (str_eq(request->path, S("/split")))
        http_answer(exchange,
                    &(struct http_answer){.status = 201, .header_count = 2, .headers = split});
    else if (str_eq(request->path, S("/204")))
        http_answer(exchange, &(struct http_answer){.status = 204});
    else if (str_eq(request->path, S("/304")))
        http_answer(exchange, &(struct http_answer){.status = 304});
    else if (str_eq(request->path, S("/echo"))) answer_text(request, 200, request->body);
    else if (str_eq(request->path, S("/greedy")))
        (void)arena_take_raw(http_arena(exchange), 1 << 30);
    else if (str_eq(request->path, S("/silent"))) return;
    else answer_text(request, 404, S("nothing here"));
}

static void handle_admin(struct http_request *request)
{
    answer_text(request, 200, S("admin"));
}

static struct http *open_one(void)
{
    memset(kilobyte, 'k', sizeof kilobyte);
    return server_open((struct http_options){.handle = handle});
}

TEST(test_answer__keeps_a_connection_alive)
{
    struct http *http = open_one();
    client_open(&client, http_port(http, 0));
    for (int at = 0; at < 5; at++) {
        client_get(&client, "/kilobyte", &answer);
        check_int(answer.status, 200);
        check_str(answer.body, ((str){kilobyte, sizeof kilobyte}));
    }
    check_int(http_figures(http).requests, 5);
    check_int(http_figures(http).connections, 1);
    client_close(&client);
    http_close(http);
}

TEST(test_answer__says_what_every_answer_says)
{
    struct http *http = open_one();
    client_open(&client, http_port(http, 0));
    client_get(&client, "/kilobyte", &answer);
    check_str(answer_header(&answer, S("server")), S("atrium"));
    check_str(answer_header(&answer, S("content-type")), S("text/plain"));
    check_str(answer_header(&answer, S("x-content-type-options")), S("nosniff"));
    check_str(answer_header(&answer, S("referrer-policy")), S("no-referrer"));
    check_str(answer_header(&answer, S("cache-control")), S("no-store"));
    check_str(answer_header(&answer, S("strict-transport-security")), S(""));
    check_str(answer_header(&answer, S("x-frame-options")), S("DENY"));
    check_str(answer_header(&answer, S("cross-origin-opener-policy")), S("same-origin"));
    check_str(answer_header(&answer, S("cross-origin-resource-policy")), S("same-origin"));
    check(str_has(answer_header(&answer, S("permissions-policy")), S("camera=()")));
    check_str(answer_header(&answer, S("content-security-policy")),
              S("default-src 'none'; base-uri 'none'; form-action 'none'; "
                "frame-ancestors 'none'; sandbox"));
    check(answer_header(&answer, S("date")).len > 20);
    client_get(&client, "/own", &answer);
    check(answer_header(&answer, S("content-security-policy")).len > 0);
    check_str(answer_header(&answer, S("etag")), S("\"v1\""));
    check_str(answer_header(&answer, S("cache-control")), S("max-age=5"));
    check(!str_has(answer.head, S("no-store")));
    client_close(&client);
    http_close(http);
}

TEST(test_answer__lets_no_value_become_a_header)
{
    struct http *http = open_one();
    client_open(&client, http_port(http, 0));
    client_get(&client, "/split", &answer);
    check_int(answer.status, 201);
    check_str(answer_header(&answer, S("x-good")), S("1"));
    check_str(answer_header(&answer, S("location")), S(""));
    check_str(answer_header(&answer, S("set-cookie")), S(""));
    client_close(&client);
    http_close(http);
}

TEST(test_answer__serves_a_pipeline_in_order)
{
    struct http *http = open_one();
    client_open(&client, http_port(http, 0));
    client_send(&client, S("GET /show?1 HTTP/1.1\r\nHost: a\r\n\r\n"
                           "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                           "GET /204 HTTP/1.1\r\nHost: a\r\n\r\n"
                           "GET /show?2 HTTP/1.1\r\nHost: a\r\n\r\n"));
    client_answer(&client, false, &answer);
    check(str_has(answer.body, S("|/show|1|")));
    client_answer(&client, false, &answer);
    check_str(answer.body, S("hello"));
    client_answer(&client, false, &answer);
    check_int(answer.status, 204);
    client_answer(&client, false, &answer);
    check(str_has(answer.body, S("|/show|2|")));
    client_close(&client);
    http_close(http);
}

TEST(test_answer__sends_no_body_where_there_is_none)
{
    struct http *http = open_one();
    client_open(&client, http_port(http, 0));
    client_ask(&client, "HEAD", "/kilobyte", "", S(""), &answer);
    check_int(answer.status, 200);
    check_str(answer_header(&answer, S("content-length")), S("1024"));
    client_get(&client, "/204", &answer);
    check_int(answer.status, 204);
    check_str(answer_header(&answer, S("content-length")), S(""));
    check_str(answer_header(&answer, S("transfer-encoding")), S(""));
    client_get(&client, "/304", &answer);
    check_int(answer.status, 304);
    check_str(answer_header(&answer, S("content-length")), S(""));
    client_get(&client, "/own", &answer);
    check_int(answer.status, 200);
    check_str(answer_header(&answer, S("content-length")), S("0"));
    client_close(&client);
    http_close(http);
}

TEST(test_answer__shows_the_request)
{
    struct http *http = open_one();
    client_open(&client, http_port(http, 0));
    client_ask(&client, "POST", "/s%68ow?a=%20b", "X-One: two\r\nCookie: a=1\r\nCookie: b=2\r\n",
               S("12345"), &answer);
    check_str(
        answer.body,
        S("POST|/show|a=%20b|acme.localhost|acme.localhost:8080|http|127.0.0.1|1|5|two|a=1; b=2"));
    client_send(&client,
                S("GET http://Other.Example/show HTTP/1.1\r\nHost: acme.localhost\r\n\r\n"));
    client_answer(&client, false, &answer);
    check(str_has(answer.body, S("GET|/show||other.example|other.example|")));
    client_close(&client);
    http_close(http);
}

TEST(test_answer__believes_a_header_of_a_proxy_only_from_the_proxy)
{
    const char *more = "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-Proto: https\r\n";
    for (int at = 0; at < 3; at++) {
        const str proxies[] = {S(""), S("127.0.0.1"), S("192.0.2.1")};
        struct http *http =
            server_open((struct http_options){.handle = handle, .behind_proxy = proxies[at]});
        client_open(&client, http_port(http, 0));
        client_ask(&client, "GET", "/show", more, S(""), &answer);
        const str should[] = {S("|http|127.0.0.1|1|"), S("|https|203.0.113.9|0|"),
                              S("|http|127.0.0.1|0|")};
        check(str_has(answer.body, should[at]));
        check_int(answer_header(&answer, S("strict-transport-security")).len > 0, at == 1);
        client_close(&client);
        http_close(http);
    }
}

static void check_problem(int status, str type)
{
    check_int(answer.status, status);
    check_str(answer_header(&answer, S("content-type")), S("application/problem+json"));
    check_str(answer_header(&answer, S("x-content-type-options")), S("nosniff"));
    char part[64];
    snprintf(part, sizeof part, "\"type\":\"%.*s\"", FMT(type));
    check(str_has(answer.body, str_of(part)));
    snprintf(part, sizeof part, "\"status\":%d,", status);
    check(str_has(answer.body, str_of(part)));
    check(str_has(answer.body, S("\"request_id\":\"")));
}

TEST(test_answer__refuses_bad_heads_with_a_problem_document)
{
    struct http *http = open_one();
    client_open(&client, http_port(http, 0));
    static const char *const paths[] = {"/a/../b", "//a",    "/%2e%2e/x", "/%00",
                                        "/%ff",    "/a%5cb", "*",         "/%zz"};
    for (size_t at = 0; at < sizeof paths / sizeof paths[0]; at++) {
        client_get(&client, paths[at], &answer);
        check_problem(400, S("unreadable"));
    }
    client_send(&client, S("GET /show HTTP/1.1\r\n\r\n"));
    client_answer(&client, false, &answer);
    check_problem(400, S("unreadable"));
    client_send(&client, S("GET /show HTTP/1.1\r\nHost: a b\r\n\r\n"));
    client_answer(&client, false, &answer);
    check_problem(400, S("unreadable"));
    client_ask(&client, "TRACE", "/show", "", S(""), &answer);
    check_problem(405, S("method"));
    check(str_has(answer_header(&answer, S("allow")), S("PATCH")));
    client_ask(&client, "BREW", "/show", "", S(""), &answer);
    check_problem(501, S("method"));
    client_get(&client, "/silent", &answer);
    check_problem(500, S("system"));
    client_get(&client, "/kilobyte", &answer);
    check_int(answer.status, 200);
    client_close(&client);
    http_close(http);
}

TEST(test_answer__survives_a_handler_that_takes_too_much)
{
    struct http *http = open_one();
    client_open(&client, http_port(http, 0));
    client_get(&client, "/greedy", &answer);
    check_problem(413, S("too-large"));
    client_get(&client, "/kilobyte", &answer);
    check_int(answer.status, 200);
    client_close(&client);
    http_close(http);
}

TEST(test_answer__refuses_too_many_headers)
{
    struct http *http = open_one();
    client_open_h2(&client, http_port(http, 0), S(""));
    /* HTTP/1.1 with more than 100 is cut by h2o itself; HTTP/2 lets any number through. */
    char block[512];
    size_t len = request_write(block, false, "/show");
    for (int at = 0; at < 120; at++) block[len++] = (char)0x90; /* accept-encoding: gzip, deflate */
    check(client_frame(&client, FRAME_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 1,
                       (str){block, len}));
    static struct frame frame;
    bool was_told = false;
    while (client_next(&client, &frame))
        if (frame.type == FRAME_DATA && str_has((str){frame.body, frame.len}, S("\"status\":431")))
            was_told = true;
    check(was_told);
    check_int(http_figures(http).closed_abuse, 1);
    client_close(&client);
    http_close(http);
}

static char large[10 << 20];

static size_t put_text(size_t at, str text)
{
    memcpy(large + at, text.at, text.len);
    return at + text.len;
}

static size_t put_many(size_t at, size_t bytes)
{
    memset(large + at, 'x', bytes);
    return at + bytes;
}

TEST(test_answer__refuses_a_large_head)
{
    struct http *http = open_one();
    /* In one field, in many, in the path; each a little within the limit, and beyond it. */
    for (int form = 0; form < 3; form++) {
        for (int is_beyond = 0; is_beyond < 2; is_beyond++) {
            size_t bytes = is_beyond ? HEADER_BYTES_MAX + 1024 : HEADER_BYTES_MAX - 1024;
            size_t count = form == 1 ? 50 : 1;
            size_t len = put_text(0, S("GET /kilobyte?"));
            if (form == 2) len = put_many(len, bytes);
            len = put_text(len, S(" HTTP/1.1\r\nHost: a\r\n"));
            for (size_t at = 0; at < count && form < 2; at++) {
                len = put_many(put_text(len, S("X-Long: ")), bytes / count);
                len = put_text(len, S("\r\n"));
            }
            len = put_text(len, S("\r\n"));
            client_open(&client, http_port(http, 0));
            check(client_try_send(&client, (str){large, len}));
            client_answer(&client, false, &answer);
            check_int(answer.status, is_beyond ? 431 : 200);
            if (is_beyond) check(client_until_closed(&client, READ_MS_MAX));
            client_close(&client);
        }
    }
    http_close(http);
}

TEST(test_answer__takes_a_body_of_the_limit_and_none_larger)
{
    struct http *http = open_one();
    char head[200];
    memset(large, 'x', sizeof large);
    const size_t sizes[] = {BODY_BYTES_MAX, BODY_BYTES_MAX + 1, BODY_BYTES_MAX + 2, sizeof large};
    for (size_t at = 0; at < 4; at++) {
        client_open(&client, http_port(http, 0));
        int len =
            snprintf(head, sizeof head,
                     "POST /show HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", sizes[at]);
        client_send(&client, (str){head, (size_t)len});
        client_send(&client, (str){large, sizes[at]});
        client_answer(&client, false, &answer);
        if (at == 0) check_int(answer.status, 200);
        else check_problem(413, S("too-large"));
        client_close(&client);
    }
    client_open(&client, http_port(http, 0));
    client_send(
        &client,
        S("POST /show HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400000\r\n"));
    client_send(&client, (str){large, 4 << 20});
    client_answer(&client, false, &answer);
    check_problem(413, S("too-large"));
    client_close(&client);
    http_close(http);
}

TEST(test_answer__refuses_broken_framing_with_a_problem_document)
{
    struct http *http = open_one();
    static const char *const bad[] = {"Transfer-Encoding: gzip, chunked\r\n",
                                      "Content-Length: ten\r\n"};
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++) {
        client_open(&client, http_port(http, 0));
        client_ask(&client, "POST", "/echo", bad[at], S(""), &answer);
        check_problem(400, S("unreadable"));
        client_close(&client);
    }
    client_open(&client, http_port(http, 0));
    client_send(&client, S("\0\1\2\3 nonsense\r\n\r\n"));
    check(client_until_closed(&client, READ_MS_MAX));
    client_close(&client);
    http_close(http);
}

TEST(test_answer__has_a_listener_for_the_operator)
{
    struct http *http = server_open((struct http_options){.handle = handle,
                                                          .handle_admin = handle_admin,
                                                          .admin = S("127.0.0.1:0"),
                                                          .http = S("127.0.0.1:0"),
                                                          .threads = 2});
    check(http_port(http, 0) != http_port(http, 2));
    for (int at = 0; at < 8; at++) {
        client_open(&client, http_port(http, 2));
        client_get(&client, "/show", &answer);
        check_str(answer.body, S("admin"));
        client_close(&client);
    }
    http_close(http);
}

/** Whether this machine speaks IPv6 at all. */
static bool has_ipv6(void)
{
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int descriptor = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = descriptor >= 0 && bind(descriptor, (struct sockaddr *)&own, sizeof own) == 0;
    if (descriptor >= 0) close(descriptor);
    return has;
}

TEST(test_answer__speaks_to_ipv6)
{
    if (!has_ipv6()) return;
    struct http *http = server_open((struct http_options){.handle = handle, .http = S("[::1]:0")});
    struct sockaddr_in6 to = {.sin6_family = AF_INET6,
                              .sin6_port = htons(http_port(http, 0)),
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    client.len = 0;
    client.descriptor = socket(AF_INET6, SOCK_STREAM, 0);
    check(connect(client.descriptor, (struct sockaddr *)&to, sizeof to) == 0);
    client_get(&client, "/show", &answer);
    check(str_has(answer.body, S("|http|::1|1|")));
    client_close(&client);
    http_close(http);
}

static enum err open_with(struct http_options options)
{
    struct test_task test;
    struct http *http;
    options.handle = handle;
    test_task_init(&test);
    enum err err = http_open(&test.task, &options, &http);
    if (err == ERR_NONE) http_close(http);
    else check(test.task.fault.detail.len > 0);
    test_task_drop(&test);
    return err;
}

TEST(test_answer__listens_only_where_it_may)
{
    enum err freed = ERR_SYSTEM;
    for (int tries = 0; tries < 10 && freed == ERR_SYSTEM; tries++) { /* another may be quicker */
        struct http *http = open_one();
        char taken[32];
        snprintf(taken, sizeof taken, "127.0.0.1:%d", http_port(http, 0));
        check_int(open_with((struct http_options){.http = str_of(taken)}), ERR_SYSTEM);
        http_close(http);
        freed = open_with((struct http_options){.http = str_of(taken)});
    }
    check_int(freed, ERR_NONE);
    check_int(open_with((struct http_options){.http = S("0.0.0.0:0")}), ERR_INVALID);
    check_int(
        open_with((struct http_options){.http = S("0.0.0.0:0"), .behind_proxy = S("127.0.0.1")}),
        ERR_NONE);
    check_int(
        open_with((struct http_options){.http = S("127.0.0.1:0"), .behind_proxy = S("example")}),
        ERR_INVALID);
    if (has_ipv6()) check_int(open_with((struct http_options){.http = S("[::1]:0")}), ERR_NONE);
    check_int(open_with((struct http_options){.http = S("localhost:0")}), ERR_NONE);
    static const char *const bad[] = {
        "127.0.0.1", "8080", ":", "127.0.0.1:", "127.0.0.1:70000", "1.2.3:80", "::1:80"};
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++)
        check_int(open_with((struct http_options){.http = str_of(bad[at])}), ERR_INVALID);
}
