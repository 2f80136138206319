#include "client.h"

static struct client client, other;
static struct answer answer;
static char large[8 << 20];
static atomic_uint shown;

static void handle(struct http_request *request)
{
    atomic_fetch_add(&shown, 1);
    if (str_eq(request->path, S("/large"))) answer_text(request, 200, (str){large, sizeof large});
    else if (str_eq(request->path, S("/empty")))
        http_answer(request->exchange, &(struct http_answer){.status = 204});
    else answer_text(request, 200, S("small"));
}

static struct http *open_with(struct http_options options)
{
    atomic_store(&shown, 0);
    options.handle = handle;
    if (options.limits.sweep_ms == 0) options.limits.sweep_ms = 50;
    return server_open(options);
}

/* Rate. */

/** That this rate lets in since then: a second's worth at once, and what came since. */
static int64_t most_at(int64_t rate, int64_t begun_ms)
{
    return rate + rate * (now_ms() - begun_ms + 1) / 1000 + 1;
}

TEST(test_guard__holds_an_address_to_its_rate)
{
    struct http *http = open_with((struct http_options){.rate = 20, .threads = 2});
    int good = 0, refused = 0;
    int64_t begun_ms = now_ms();
    /* Over many connections and both loops: it is one address. */
    while (good + refused < 60 || refused == 0) {
        check(now_ms() - begun_ms < READ_MS_MAX);
        client_open(&client, http_port(http, 0));
        client_get(&client, "/", &answer);
        client_close(&client);
        if (answer.status == 200) {
            good++;
            continue;
        }
        check_int(answer.status, 429);
        check_str(answer_header(&answer, S("retry-after")), S("1"));
        refused++;
    }
    check(good >= 20 && good <= most_at(20, begun_ms));
    check_int(http_figures(http).refused_rate, refused);
    check_int(atomic_load(&shown), good);
    usleep(300'000);
    client_open(&client, http_port(http, 0));
    client_get(&client, "/", &answer);
    check_int(answer.status, 200);
    client_close(&client);
    http_close(http);
}

TEST(test_guard__counts_clients_behind_a_proxy_apart)
{
    struct http *http = open_with((struct http_options){.rate = 5, .behind_proxy = S("127.0.0.1")});
    client_open(&client, http_port(http, 0));
    int64_t begun_ms = now_ms();
    int good = -1;
    do {
        client_ask(&client, "GET", "/", "X-Forwarded-For: 203.0.113.1\r\n", S(""), &answer);
        good++;
    } while (answer.status == 200 && now_ms() - begun_ms < READ_MS_MAX);
    check_int(answer.status, 429);
    check(good >= 5 && good <= most_at(5, begun_ms));
    client_ask(&client, "GET", "/", "X-Forwarded-For: 203.0.113.2\r\n", S(""), &answer);
    check_int(answer.status, 200);
    client_close(&client);
    http_close(http);
}

TEST(test_guard__leaves_loopback_alone_without_a_rate)
{
    struct http *http = open_with((struct http_options){});
    client_open(&client, http_port(http, 0));
    for (uint32_t at = 0; at < 2 * RATE_DEFAULT; at++) {
        client_get(&client, "/", &answer);
        check_int(answer.status, 200);
    }
    client_close(&client);
    http_close(http);
}

/* Connections. */

TEST(test_guard__bounds_connections_of_an_address_and_in_all)
{
    for (int at = 0; at < 2; at++) {
        struct http_limits limits = {.connections = at == 0 ? 3 : 0,
                                     .connections_per_address = at == 1 ? 3 : 0};
        struct http *http = open_with((struct http_options){.limits = limits});
        static struct client clients[4];
        for (int number = 0; number < 4; number++) {
            client_open(&clients[number], http_port(http, 0));
            (void)client_try_send(&clients[number], S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
            client_answer(&clients[number], false, &answer);
            check_int(answer.status, number < 3 ? 200 : 0);
        }
        client_close(&clients[0]);
        for (int64_t begun_ms = now_ms(); http_figures(http).connections_open > 2; usleep(1000))
            check(now_ms() - begun_ms < READ_MS_MAX);
        client_open(&clients[0], http_port(http, 0));
        client_get(&clients[0], "/", &answer);
        check_int(answer.status, 200);
        for (int number = 0; number < 4; number++) client_close(&clients[number]);
        http_close(http);
    }
}

TEST(test_guard__closes_a_connection_after_its_requests)
{
    struct http *http = open_with((struct http_options){.limits = {.connection_requests = 5}});
    client_open(&client, http_port(http, 0));
    for (int at = 0; at < 5; at++) client_get(&client, "/", &answer);
    check_int(answer.status, 200);
    check_str(answer_header(&answer, S("connection")), S("close"));
    check(client_until_closed(&client, READ_MS_MAX));
    client_close(&client);
    client_open_h2(&client, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < 5; at++) check(client_request(&client, 1 + 2 * at, false, "/"));
    check_int(client_stream(&client, 9), 5);
    check(client_until_closed(&client, READ_MS_MAX));
    client_close(&client);
    http_close(http);
}

/* Time. */

#define LIMIT_MS 700
/** That a machine needs which stands still in each of them. */
#define ROUNDS_MAX 20

static struct http *open_impatient(void)
{
    return open_with((struct http_options){
        .limits = {.request_ms = LIMIT_MS, .idle_ms = LIMIT_MS, .stall_ms = LIMIT_MS}});
}

static int64_t opened_ms;

/** Opens `client` and sends what it begins with; anew where that alone took so long that the server
 *  may have lost its patience. */
static void begin_small(struct http *http, str first, int receive_bytes)
{
    bool is_prompt = false;
    while (!is_prompt) {
        opened_ms = now_ms();
        client_open_small(&client, http_port(http, 0), receive_bytes);
        is_prompt = client_try_send(&client, first) && now_ms() - opened_ms < LIMIT_MS / 2;
        if (!is_prompt) client_close(&client);
    }
}

static void begin(struct http *http, str first)
{
    begin_small(http, first, 0);
}

/** The same over HTTP/2, with the first request unless there is no path. */
static void begin_h2(struct http *http, str settings, bool is_post, const char *path)
{
    char bytes[256], block[64];
    size_t len = preface_write(bytes, settings);
    uint8_t flags = FLAG_END_HEADERS | (is_post ? 0 : FLAG_END_STREAM);
    if (path != nullptr)
        len += frame_write(bytes + len, FRAME_HEADERS, flags, 1,
                           (str){block, request_write(block, is_post, path)});
    begin(http, (str){bytes, len});
}

/** Not before its time; a loaded machine may be late. */
static void check_closed_in_time(bool is_closed)
{
    check(is_closed);
    check(now_ms() - opened_ms >= LIMIT_MS / 2);
    client_close(&client);
}

/** Sends a piece each 30 ms until the server closes; false when the time is over before. */
static bool trickle(const char *pieces, size_t piece_bytes, size_t piece_count)
{
    bool is_open = true;
    for (size_t at = 0; is_open && now_ms() - opened_ms < READ_MS_MAX; at++) {
        str piece = {pieces + at % piece_count * piece_bytes, piece_bytes};
        is_open = client_try_send(&client, piece) && !client_until_closed(&client, 30);
    }
    return !is_open;
}

TEST(test_guard__closes_silent_connections)
{
    struct http *http = open_impatient();
    begin(http, S(""));
    check_closed_in_time(client_until_closed(&client, READ_MS_MAX));
    begin(http, S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    check_closed_in_time(client_until_closed(&client, READ_MS_MAX));
    begin_h2(http, S(""), false, nullptr);
    check_closed_in_time(client_until_closed(&client, READ_MS_MAX));
    http_close(http);
}

TEST(test_guard__closes_a_slow_head)
{
    struct http *http = open_impatient();
    begin(http, S("GET / HTTP/1.1\r\nHost: a\r\n"));
    check_closed_in_time(trickle("X-A: b\r\n", 8, 1));
    begin(http, S("PRI"));
    check_closed_in_time(client_until_closed(&client, READ_MS_MAX));
    http_close(http);
}

TEST(test_guard__closes_a_slow_body)
{
    struct http *http = open_impatient();
    begin(http, S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"));
    check_closed_in_time(trickle("x", 1, 1));
    http_close(http);
}

TEST(test_guard__closes_a_slow_body_among_fast_requests)
{
    struct http *http = open_impatient();
    /* Once more where this machine was too slow for fast ones, so that h2o ended it as silent. */
    for (int rounds = 0; atomic_load(&shown) <= 3 || http_figures(http).closed_stalled == 0;
         rounds++) {
        bool is_open = true;
        check(rounds < ROUNDS_MAX);
        atomic_store(&shown, 0);
        begin_h2(http, S(""), true, "/");
        for (uint32_t at = 1; is_open && now_ms() - opened_ms < READ_MS_MAX; at++)
            is_open = client_frame(&client, FRAME_DATA, 0, 1, S("x")) &&
                      client_request(&client, 1 + 2 * at, false, "/") &&
                      !client_until_closed(&client, 30);
        check(!is_open);
        client_close(&client);
    }
    http_close(http);
}

TEST(test_guard__closes_what_only_pings)
{
    struct http *http = open_impatient();
    char ping[17];
    (void)frame_write(ping, FRAME_PING, 0, 0, S("12345678"));
    for (int rounds = 0; rounds == 0 || http_figures(http).closed_stalled == 0; rounds++) {
        check(rounds < ROUNDS_MAX);
        begin_h2(http, S(""), false, nullptr);
        check_closed_in_time(trickle(ping, sizeof ping, 1));
    }
    http_close(http);
}

TEST(test_guard__closes_a_reader_that_takes_nothing)
{
    struct http *http = open_impatient();
    begin_small(http, S("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"), 4096);
    bool is_closed = false;
    while (!is_closed && now_ms() - opened_ms < READ_MS_MAX) {
        usleep(10'000);
        /* By the server, or by the kernel, which has the same limit. */
        is_closed = atomic_load(&shown) > 0 && http_figures(http).connections_open == 0;
    }
    check_closed_in_time(is_closed);
    http_close(http);
}

TEST(test_guard__closes_a_window_that_stays_shut_although_it_pings)
{
    struct http *http = open_impatient();
    char pings[20 * 17]; /* their answers are bytes that the peer takes */
    for (size_t at = 0; at < sizeof pings;)
        at += frame_write(pings + at, FRAME_PING, 0, 0, S("12345678"));
    begin_h2(http, S("\0\x4\0\0\0\0"), false, "/large");
    check_closed_in_time(trickle(pings, sizeof pings, 1));
    http_close(http);
}

TEST(test_guard__lets_a_slow_reader_finish)
{
    struct http *http = open_impatient();
    size_t bytes = 0;
    /* A machine that stood still was no slow reader, but one that takes nothing: once more then. */
    for (bool has_stood = true; bytes < sizeof large && has_stood;) {
        begin_small(http, S("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"), 64 * 1024);
        bytes = 0;
        has_stood = false;
        for (bool is_open = true; is_open && bytes < sizeof large;) {
            int64_t since_ms = now_ms();
            client.len = 0;
            usleep(10'000); /* about three times the limit for the whole */
            is_open = client_read(&client);
            bytes += client.len;
            has_stood = has_stood || now_ms() - since_ms >= LIMIT_MS / 2;
        }
        client_close(&client);
    }
    check(bytes >= sizeof large);
    http_close(http);
}

/** A peer that closes while its buffers are full leaves the sender waiting; the server's figures
 *  tell the truth. */
static void client_hurry(void)
{
    struct timeval limit = {0, 300'000};
    check(setsockopt(client.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
}

static void check_ended_for_abuse(struct http *http)
{
    int64_t begun_ms = now_ms();
    struct http_figures figures;
    do { /* it may not even be accepted yet */
        figures = http_figures(http);
        usleep(1000);
    } while ((figures.closed_abuse == 0 || figures.connections_open > 0) &&
             now_ms() - begun_ms < READ_MS_MAX);
    check_int(figures.connections_open, 0);
    check_int(figures.closed_abuse, 1);
}

/* Floods. Each must cost its connection after a few hundred requests, on loopback too. */

enum reset_kind {
    RESET_BY_CLIENT,
    RESET_BY_WINDOW,
    RESET_BY_OVERFLOW,
    RESET_BY_DATA,
    RESET_EMPTY,
};

static unsigned flood(struct http *http, enum reset_kind kind, size_t per_write)
{
    static char bytes[256 * 1024];
    uint32_t stream = 1;
    client_open_h2(&client, http_port(http, 0), S(""));
    client_hurry();
    int64_t begun_ms = now_ms();
    for (bool is_open = true; is_open && now_ms() - begun_ms < READ_MS_MAX;) {
        size_t len = 0;
        for (size_t at = 0; at < per_write; at++, stream += 2) {
            char block[64];
            size_t block_len = request_write(block, false, kind == RESET_EMPTY ? "/empty" : "/");
            len += frame_write(bytes + len, FRAME_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM,
                               stream, (str){block, block_len});
            if (kind == RESET_BY_WINDOW)
                len += frame_write(bytes + len, FRAME_WINDOW, 0, stream, S("\0\0\0\0"));
            else if (kind == RESET_BY_OVERFLOW)
                len += frame_write(bytes + len, FRAME_WINDOW, 0, stream, S("\x7f\xff\xff\xff"));
            else if (kind == RESET_BY_DATA)
                len += frame_write(bytes + len, FRAME_DATA, 0, stream, S("x"));
            else len += frame_write(bytes + len, FRAME_RESET, 0, stream, S("\0\0\0\x8"));
        }
        is_open = client_try_send(&client, (str){bytes, len});
        client.len = 0;
        struct timeval wait = {0, 1};
        check(setsockopt(client.descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0);
        ssize_t got = recv(client.descriptor, client.bytes, sizeof client.bytes, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) is_open = false;
    }
    check(now_ms() - begun_ms < READ_MS_MAX);
    client_close(&client);
    return (unsigned)http_figures(http).requests;
}

TEST(test_guard__ends_rapid_reset)
{
    const size_t sizes[] = {1, 50, 3000};
    for (size_t at = 0; at < 3; at++) {
        for (enum reset_kind kind = RESET_BY_CLIENT; kind <= RESET_EMPTY; kind++) {
            struct http *http = open_with((struct http_options){});
            unsigned served = flood(http, kind, sizes[at]);
            if (served > 2 * CONNECTION_ABORTS_MAX && sizes[at] > 1)
                fprintf(stderr, "kind %d, %zu: %u\n", kind, sizes[at], served);
            check(served <= 2 * CONNECTION_ABORTS_MAX || sizes[at] == 1);
            check_ended_for_abuse(http);
            client_open(&other, http_port(http, 0));
            client_get(&other, "/", &answer);
            check_int(answer.status, 200);
            client_close(&other);
            http_close(http);
        }
    }
}

/** Whose connection was ended for abuse waits for its next one: a second's worth of new ones is
 *  gone. */
TEST(test_guard__makes_an_address_pay_for_abuse)
{
    struct http *http = open_with((struct http_options){.limits = {.connection_rate = 4}});
    int64_t begun_ms = now_ms();
    (void)flood(http, RESET_BY_CLIENT, 3000);
    check_ended_for_abuse(http);
    do {
        client_open(&other, http_port(http, 0));
        (void)client_try_send(&other, S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        client_answer(&other, false, &answer);
        client_close(&other);
    } while (answer.status == 0 && now_ms() - begun_ms < READ_MS_MAX);
    check_int(answer.status, 200);
    check(now_ms() - begun_ms >= 500);
    check(http_figures(http).refused_busy > 0);
    http_close(http);
}

/** Reads until so many streams have ended well, in whatever order; how many did. */
static int client_answers(struct client *from, int wanted)
{
    struct frame frame;
    int ended = 0;
    while (ended < wanted && client_next(from, &frame) && frame.type != FRAME_RESET)
        ended += frame.type == FRAME_DATA && (frame.flags & FLAG_END_STREAM) != 0;
    return ended;
}

/** Newcomers share a part of each turn; nobody's bytes are lost by waiting, nor is the end of who
 *  does not wait. */
TEST(test_guard__serves_a_crowd_of_newcomers_by_turns)
{
    static struct client crowd[24];
    struct http *http = open_with((struct http_options){});
    for (int at = 0; at < 24; at++) {
        client_open_h2(&crowd[at], http_port(http, 0), S(""));
        for (uint32_t stream = 1; stream < 200; stream += 2)
            check(client_request(&crowd[at], stream, false, "/"));
        if (at % 3 == 0) client_close(&crowd[at]);
    }
    for (int at = 0; at < 24; at++) {
        if (at % 3 == 0) continue;
        check_int(client_answers(&crowd[at], 100), 100);
        client_close(&crowd[at]);
    }
    for (int64_t begun_ms = now_ms(); http_figures(http).connections_open > 0; usleep(1000))
        check(now_ms() - begun_ms < READ_MS_MAX);
    http_close(http);
}

/** Who asks for much and takes nothing is ended while requests of his wait for their turn, and
 *  bytes are on their way to him. */
TEST(test_guard__ends_a_crowd_that_takes_nothing_and_lives)
{
    static struct client crowd[40];
    struct http *http = open_with((struct http_options){.limits = {.held_bytes = 4 << 20}});
    for (int at = 0; at < 40; at++) {
        client_open_h2(&crowd[at], http_port(http, 0), S("\0\4\0\0\0\0"));
        for (uint32_t stream = 1; stream < 200; stream += 2)
            if (!client_request(&crowd[at], stream, false, stream % 8 == 1 ? "/large" : "/")) break;
    }
    for (int64_t begun_ms = now_ms(); http_figures(http).closed_full < 20; usleep(1000))
        check(now_ms() - begun_ms < READ_MS_MAX);
    client_open(&client, http_port(http, 0));
    client_get(&client, "/", &answer);
    check_int(answer.status, 200);
    client_close(&client);
    for (int at = 0; at < 40; at++) client_close(&crowd[at]);
    http_close(http);
}

TEST(test_guard__forgives_resets_among_finished_requests)
{
    struct http *http = open_with((struct http_options){});
    client_open_h2(&client, http_port(http, 0), S(""));
    uint32_t stream = 1;
    for (uint32_t round = 0; round < 2 * CONNECTION_ABORTS_MAX; round++, stream += 4) {
        check(client_request(&client, stream, false, "/"));
        check_int(client_stream(&client, stream), 5);
        check(client_request(&client, stream + 2, false, "/"));
        check(client_frame(&client, FRAME_RESET, 0, stream + 2, S("\0\0\0\x8")));
    }
    check_int(http_figures(http).closed_abuse, 0);
    client_close(&client);
    http_close(http);
}

TEST(test_guard__takes_empty_answers_for_finished)
{
    struct http *http = open_with((struct http_options){});
    client_open_h2(&client, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < 2 * CONNECTION_ABORTS_MAX; at++) {
        check(client_request(&client, 1 + 2 * at, false, "/empty"));
        check_int(client_stream(&client, 1 + 2 * at), 0);
    }
    check_int(http_figures(http).closed_abuse, 0);
    client_close(&client);
    http_close(http);
}

TEST(test_guard__ends_a_flood_of_frames)
{
    struct http *http = open_with((struct http_options){});
    static char bytes[17 * 1024];
    size_t len = 0;
    while (len + 17 <= sizeof bytes)
        len += frame_write(bytes + len, FRAME_PING, 1, 0, S("12345678"));
    client_open_h2(&client, http_port(http, 0), S(""));
    client_hurry();
    int64_t begun_ms = now_ms();
    while (now_ms() - begun_ms < READ_MS_MAX && client_try_send(&client, (str){bytes, len}))
        continue;
    check(now_ms() - begun_ms < READ_MS_MAX);
    check_ended_for_abuse(http);
    client_close(&client);
    http_close(http);
}

TEST(test_guard__ends_streams_opened_and_reset_before_they_are_requests)
{
    struct http *http = open_with((struct http_options){});
    client_open_h2(&client, http_port(http, 0), S(""));
    static char bytes[64 * 1024];
    uint32_t stream = 1;
    client_hurry();
    int64_t begun_ms = now_ms();
    for (bool is_open = true; is_open && now_ms() - begun_ms < READ_MS_MAX;) {
        size_t len = 0;
        for (; len + 200 < sizeof bytes; stream += 2) {
            char block[64];
            size_t block_len = request_write(block, true, "/");
            len += frame_write(bytes + len, FRAME_HEADERS, FLAG_END_HEADERS, stream,
                               (str){block, block_len});
            len += frame_write(bytes + len, FRAME_RESET, 0, stream, S("\0\0\0\x8"));
        }
        is_open = client_try_send(&client, (str){bytes, len});
    }
    check(now_ms() - begun_ms < READ_MS_MAX);
    check_ended_for_abuse(http);
    check_int(atomic_load(&shown), 0);
    client_close(&client);
    http_close(http);
}

/** Bodies of one connection, or of many over HTTP/1, that are never ended. */
TEST(test_guard__bounds_bodies_under_way_on_one_connection)
{
    struct http *http = open_with((struct http_options){});
    client_open_h2(&client, http_port(http, 0), S(""));
    client_hurry();
    bool is_open = true;
    for (uint32_t at = 0; at < 60 && is_open; at++) {
        is_open = client_request(&client, 1 + 2 * at, true, "/");
        for (uint32_t part = 0; part < 60 && is_open; part++)
            is_open = client_frame(&client, FRAME_DATA, 0, 1 + 2 * at, (str){large, 16'384});
    }
    check_ended_for_abuse(http);
    check_int(atomic_load(&shown), 0);
    client_close(&client);
    http_close(http);
}

TEST(test_guard__lets_a_hundred_small_bodies_be_under_way)
{
    struct http *http = open_with((struct http_options){});
    client_open_h2(&client, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < STREAMS_OPEN_MAX; at++) {
        check(client_request(&client, 1 + 2 * at, true, "/"));
        check(client_frame(&client, FRAME_DATA, 0, 1 + 2 * at, S("x")));
    }
    usleep(200'000);
    for (uint32_t at = 0; at < STREAMS_OPEN_MAX; at++) {
        check(client_frame(&client, FRAME_DATA, FLAG_END_STREAM, 1 + 2 * at, S("y")));
        check_int(client_stream(&client, 1 + 2 * at), 5);
    }
    client_close(&client);
    http_close(http);
}

TEST(test_guard__takes_room_from_those_who_hold_most)
{
    enum { GREEDY = 24 };
    static struct client greedy[GREEDY];
    struct http *http =
        open_with((struct http_options){.limits = {.held_bytes = 8 << 20}, .threads = 1});
    for (int at = 0; at < GREEDY; at++) { /* each would hold a megabyte, and never end */
        client_open(&greedy[at], http_port(http, 0));
        client_send(&greedy[at],
                    S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"));
        (void)client_try_send(&greedy[at], (str){large, 900'000});
        /* A smaller one, at the same time, is not touched. */
        client_open(&client, http_port(http, 0));
        client_send(&client, S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"));
        client_send(&client, (str){large, 99'999});
        client_send(&client, S("x"));
        client_answer(&client, false, &answer);
        check_int(answer.status, 200);
        client_close(&client);
    }
    check(http_figures(http).closed_full >= GREEDY / 2);
    for (int at = 0; at < GREEDY; at++) client_close(&greedy[at]);
    http_close(http);
}

TEST(test_guard__takes_room_from_readers_that_take_nothing)
{
    enum { GREEDY = 12 };
    static struct client greedy[GREEDY];
    struct http *http =
        open_with((struct http_options){.limits = {.held_bytes = 40 << 20}, .threads = 1});
    for (int at = 0; at < GREEDY; at++) { /* 8 MiB each, and only HTTP/2 can shut its window */
        client_open_h2(&greedy[at], http_port(http, 0), S("\0\x4\0\0\0\0"));
        check(client_request(&greedy[at], 1, false, "/large"));
        client_open(&client, http_port(http, 0));
        client_get(&client, "/", &answer);
        check_int(answer.status, 200);
        client_close(&client);
    }
    check(http_figures(http).closed_full >= GREEDY / 2);
    for (int at = 0; at < GREEDY; at++) client_close(&greedy[at]);
    http_close(http);
}

TEST(test_guard__gives_silent_connections_places_to_others)
{
    static struct client silent[8];
    struct http *http =
        open_with((struct http_options){.limits = {.connections = 8}, .threads = 1});
    for (int at = 0; at < 8; at++) client_open(&silent[at], http_port(http, 0));
    while (http_figures(http).connections_open < 8) usleep(1000);
    for (int at = 0; at < 4; at++) {
        client_open(&client, http_port(http, 0));
        client_get(&client, "/", &answer);
        check_int(answer.status, 200);
        client_close(&client);
    }
    check(http_figures(http).closed_full > 0);
    for (int at = 0; at < 8; at++) client_close(&silent[at]);
    http_close(http);
}

TEST(test_guard__paces_new_connections_of_an_address)
{
    struct http *http = open_with((struct http_options){.limits = {.connection_rate = 5}});
    int good = 0;
    for (int at = 0; at < 40; at++) {
        client_open(&client, http_port(http, 0));
        (void)client_try_send(&client, S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        client_answer(&client, false, &answer);
        if (answer.status == 200) good++;
        client_close(&client);
    }
    check(good >= 5 && good < 40);
    http_close(http);
}

/* What h2o would spend memory on before any code of ours hears of it. */

/** Repeats of one indexed field (RFC 7541, 6.1), one byte each. */
static bool send_bomb(uint32_t stream, size_t field_count)
{
    static char block[512 * 1024];
    size_t len = request_write(block, false, "/");
    memset(block + len, 0x80 | 16, field_count); /* accept-encoding: gzip, deflate */
    len += field_count;
    size_t sent = 0;
    bool is_open = true;
    while (sent < len && is_open) {
        size_t piece = len - sent < 16'384 ? len - sent : 16'384;
        uint8_t flags = sent + piece == len ? FLAG_END_HEADERS : 0;
        if (sent == 0) flags |= FLAG_END_STREAM;
        is_open = client_frame(&client, sent == 0 ? FRAME_HEADERS : FRAME_CONTINUATION, flags,
                               stream, (str){block + sent, piece});
        sent += piece;
    }
    return is_open;
}

TEST(test_guard__ends_bombs_of_headers_before_they_are_unpacked)
{
    const size_t counts[] = {1000, 16'000, 400'000};
    for (size_t at = 0; at < 3; at++) {
        struct http *http = open_with((struct http_options){});
        client_open_h2(&client, http_port(http, 0), S(""));
        client_hurry();
        for (uint32_t stream = 1; stream < 20; stream += 2)
            if (!send_bomb(stream, counts[at])) break;
        check_ended_for_abuse(http);
        check_int(http_figures(http).requests, 0);
        client_close(&client);
        http_close(http);
    }
}

TEST(test_guard__answers_a_few_headers_too_many)
{
    struct http *http = open_with((struct http_options){});
    struct frame frame;
    client_open_h2(&client, http_port(http, 0), S(""));
    check(send_bomb(1, HEADERS_MAX + 1));
    do check(client_next(&client, &frame));
    while (frame.type != FRAME_HEADERS);
    check_int(atomic_load(&shown), 0);
    check(client_until_closed(&client, READ_MS_MAX));
    client_close(&client);
    http_close(http);
}

TEST(test_guard__ends_a_head_that_does_not_end)
{
    static char line[32 * 1024];
    memset(line, 'x', sizeof line);
    struct http *http = open_with((struct http_options){});
    client_open(&client, http_port(http, 0));
    client_hurry();
    client_send(&client, S("GET / HTTP/1.1\r\nX: "));
    for (int at = 0; at < 100; at++)
        if (!client_try_send(&client, (str){line, sizeof line})) break;
    check_ended_for_abuse(http);
    client_close(&client);
    client_open_h2(&client, http_port(http, 0), S(""));
    client_hurry();
    bool is_open = client_frame(&client, FRAME_HEADERS, FLAG_END_STREAM, 1, S("\x82"));
    for (int at = 0; at < 10'000 && is_open; at++) /* that carry nothing, for ever */
        is_open = client_frame(&client, FRAME_CONTINUATION, 0, 1, S(""));
    for (int64_t begun_ms = now_ms(); http_figures(http).closed_abuse < 2; usleep(1000))
        check(now_ms() - begun_ms < READ_MS_MAX);
    client_close(&client);
    http_close(http);
}

/** A client that takes windows, pings and small pieces as it goes is not cut. */
TEST(test_guard__lets_frames_pass_that_belong_to_requests)
{
    struct http *http = open_with((struct http_options){.limits = {.connection_frames = 50}});
    client_open_h2(&client, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < 100; at++) {
        check(client_request(&client, 1 + 2 * at, true, "/"));
        for (int part = 0; part < 20; part++)
            check(client_frame(&client, FRAME_DATA, 0, 1 + 2 * at, S("ab")));
        check(client_frame(&client, FRAME_PING, 1, 0, S("12345678")));
        check(client_frame(&client, FRAME_WINDOW, 0, 0, S("\0\0\1\0")));
        check(client_frame(&client, FRAME_DATA, FLAG_END_STREAM, 1 + 2 * at, S("c")));
        check_int(client_stream(&client, 1 + 2 * at), 5);
    }
    check_int(http_figures(http).closed_abuse, 0);
    client_close(&client);
    http_close(http);
}
