#include "client.h"

#define SLICE_BYTES 60'000
#define SLICES 200
#define OPEN_MAX 64

static struct client client, other;
static struct answer answer;
static char slice[SLICE_BYTES];
static atomic_uint run_count;
static struct http *server;

/* Answers in slices: `/slices` gives SLICES of them, `/broken` breaks off behind the third, `/one`
 * is its first and last, `/slow` takes its time for each. */

static void run_slices(struct http_task *task)
{
    uint32_t *made = task->request;
    const struct http_header headers[] = {{S("X-Worker"), S("yes")}};
    struct http_answer part = {
        .status = 200,
        .content_type = S("text/plain"),
        .body = {slice, SLICE_BYTES},
        .header_count = 1,
        .headers = headers,
    };
    uint32_t wanted = made[1];
    atomic_fetch_add(&run_count, 1);
    made[0]++;
    if (made[2] > 0) usleep(made[2]);
    if (wanted == 0 && made[0] == 4) http_task_break(task);
    else http_task_slice(task, &part, made[0] == wanted);
}

/* Streams that stay open. They are the loop's own; the test looks at counts only. */

struct open_stream {
    struct http_stream *stream;
    unsigned taken;
};
static struct open_stream opened[OPEN_MAX];
static unsigned opened_count;
static atomic_uint open_count, ended_count, taken_count, woken_count, tick_count;
static atomic_uint to_write; /** pieces that each stream is still to be sent by the next wake */
static atomic_bool is_large, is_closing;

static void on_taken(struct http_stream *stream, void *owner)
{
    struct open_stream *open = owner;
    check(open->stream == stream);
    check(http_stream_is_ready(stream));
    open->taken++;
    atomic_fetch_add(&taken_count, 1);
}

static void on_ended(struct http_stream *stream, void *owner)
{
    struct open_stream *open = owner;
    check(open->stream == stream);
    open->stream = nullptr;
    atomic_fetch_add(&ended_count, 1);
}

static const struct http_stream_calls calls = {on_taken, on_ended};

static void stream_open(struct http_request *request)
{
    check(opened_count < OPEN_MAX);
    struct open_stream *open = &opened[opened_count++];
    struct http_answer head = {
        .status = 200, .content_type = S("text/event-stream"), .body = S("begin\n")};
    open->taken = 0;
    open->stream = http_stream_open(request->exchange, &head, &calls, open);
    check(!http_stream_is_ready(open->stream));
    check(http_loop(request->exchange) == 0);
    atomic_fetch_add(&open_count, 1);
}

static void on_woken(void *owner, uint32_t loop)
{
    check(owner == &server);
    check(loop < http_loops(server));
    atomic_fetch_add(&woken_count, 1);
    if (atomic_load(&to_write) > 0) {
        struct http_bytes *bytes =
            http_bytes_make(atomic_load(&is_large) ? (str){slice, SLICE_BYTES} : S("more\n"));
        for (unsigned at = 0; at < opened_count; at++)
            if (opened[at].stream != nullptr && http_stream_is_ready(opened[at].stream))
                http_stream_write(opened[at].stream, bytes);
        http_bytes_drop(bytes);
        atomic_fetch_sub(&to_write, 1);
    }
    for (unsigned at = 0; atomic_load(&is_closing) && at < opened_count; at++)
        if (opened[at].stream != nullptr) http_stream_close(opened[at].stream);
}

static void on_tick(void *owner, uint32_t loop)
{
    check(owner == &server);
    check(loop < http_loops(server));
    atomic_fetch_add(&tick_count, 1);
}

static void handle(struct http_request *request)
{
    if (str_eq(request->path, S("/open"))) {
        stream_open(request);
        return;
    }
    if (str_eq(request->path, S("/now"))) {
        answer_text(request, 200, S("now"));
        return;
    }
    struct http_task *task = http_task_make(request->exchange);
    if (task == nullptr) return;
    uint32_t *made = arena_new(&task->arena, uint32_t, 3);
    made[1] = str_eq(request->path, S("/one"))      ? 1
              : str_eq(request->path, S("/broken")) ? 0
              : str_eq(request->path, S("/slow"))   ? 1000
                                                    : SLICES;
    made[2] = str_eq(request->path, S("/slow")) ? 5000 : 0;
    task->request = made;
    task->run = run_slices;
    http_task_queue(task);
}

static struct http *open_one(struct http_limits limits)
{
    memset(slice, 's', sizeof slice);
    opened_count = 0;
    for (atomic_uint *all[] = {&run_count, &open_count, &ended_count, &taken_count, &woken_count,
                               &tick_count, &to_write, nullptr},
                     **at = all;
         *at != nullptr; at++)
        atomic_store(*at, 0);
    atomic_store(&is_large, false);
    atomic_store(&is_closing, false);
    server = server_open((struct http_options){
        .handle = handle, .woken = on_woken, .tick = on_tick, .owner = &server, .limits = limits});
    return server;
}

static void wait_for(atomic_uint *what, unsigned value)
{
    int64_t begun_ms = now_ms();
    while (atomic_load(what) < value) {
        check(now_ms() - begun_ms < READ_MS_MAX);
        usleep(1000);
    }
}

static void wait_until_none(struct http *http)
{
    int64_t begun_ms = now_ms();
    while (http_figures(http).tasks_open > 0 || http_figures(http).connections_open > 0) {
        check(now_ms() - begun_ms < READ_MS_MAX);
        usleep(1000);
    }
}

static void ask(struct client *from, const char *path)
{
    char head[256];
    int len = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: a.localhost\r\n\r\n", path);
    client_send(from, (str){head, (size_t)len});
}

/** Reads a chunked body and counts it; -1 when the chunks break off. */
static int64_t read_chunks(struct client *from)
{
    int64_t body_bytes = 0;
    for (;;) {
        const char *end;
        while ((end = memmem(from->bytes, from->len, "\r\n", 2)) == nullptr)
            if (!client_read(from)) return -1;
        size_t left = strtoul(from->bytes, nullptr, 16);
        bool is_number = end > from->bytes;
        client_forget(from, (size_t)(end - from->bytes) + 2);
        if (!is_number) return -1;
        bool is_last = left == 0;
        body_bytes += (int64_t)left;
        for (left += 2; left > 0;) {
            if (from->len == 0 && !client_read(from)) return -1;
            size_t taken = from->len < left ? from->len : left;
            client_forget(from, taken);
            left -= taken;
        }
        if (is_last) return body_bytes;
    }
}

static void read_head(struct client *from)
{
    client_answer(from, true, &answer);
    check_int(answer.status, 200);
    check_str(answer_header(&answer, S("content-length")), S(""));
}

static void expect(struct client *from, const char *text)
{
    while (memmem(from->bytes, from->len, text, strlen(text)) == nullptr) check(client_read(from));
    from->len = 0;
}

TEST(test_stream__sends_slices_whole_and_keeps_the_connection)
{
    struct http *http = open_one((struct http_limits){});
    client_open(&client, http_port(http, 0));
    for (int again = 0; again < 2; again++) {
        ask(&client, "/slices");
        read_head(&client);
        check_str(answer_header(&answer, S("transfer-encoding")), S("chunked"));
        check_str(answer_header(&answer, S("x-worker")), S("yes"));
        check_int(read_chunks(&client), (int64_t)SLICES * SLICE_BYTES);
        ask(&client, "/one");
        read_head(&client);
        check_int(read_chunks(&client), SLICE_BYTES);
    }
    check_int(http_figures(http).connections, 1);
    check_int(atomic_load(&run_count), 2 * SLICES + 2);
    client_ask(&client, "HEAD", "/slices", "", S(""), &answer);
    check_int(answer.status, 200);
    client_get(&client, "/now", &answer);
    check_str(answer.body, S("now"));
    client_close(&client);
    wait_until_none(http);
    http_close(http);
}

/** Gives windows back as data comes, and counts it; -1: the stream was reset. */
static int64_t take_stream(struct client *from, uint32_t stream)
{
    static struct frame frame;
    int64_t bytes = 0;
    while (client_next(from, &frame)) {
        if (frame.stream == stream && frame.type == FRAME_RESET) return -1;
        if (frame.type != FRAME_DATA) continue;
        char step[4] = {0, (char)(frame.len >> 16), (char)(frame.len >> 8), (char)frame.len};
        if (frame.stream == stream) bytes += frame.len;
        if (frame.len > 0) {
            check(client_frame(from, FRAME_WINDOW, 0, 0, (str){step, 4}));
            check(client_frame(from, FRAME_WINDOW, 0, frame.stream, (str){step, 4}));
        }
        if (frame.stream == stream && (frame.flags & FLAG_END_STREAM) != 0) return bytes;
    }
    return -1;
}

TEST(test_stream__sends_slices_over_http2)
{
    struct http *http = open_one((struct http_limits){});
    client_open_h2(&client, http_port(http, 0), S(""));
    check(client_request(&client, 1, false, "/slices"));
    check_int(take_stream(&client, 1), (int64_t)SLICES * SLICE_BYTES);
    check(client_request(&client, 3, false, "/broken"));
    check_int(take_stream(&client, 3), -1);
    check(client_request(&client, 5, false, "/one"));
    check_int(take_stream(&client, 5), SLICE_BYTES);
    client_close(&client);
    wait_until_none(http);
    http_close(http);
}

TEST(test_stream__makes_no_more_than_the_peer_takes)
{
    struct http *http = open_one((struct http_limits){});
    client_open_small(&client, http_port(http, 0), 16 * 1024);
    ask(&client, "/slices");
    wait_for(&run_count, 1);
    unsigned before, now = 0;
    do {
        before = now;
        usleep(100'000);
        now = atomic_load(&run_count);
    } while (now != before);
    check(now < SLICES / 2);
    /* Meanwhile no thread waits for it. */
    client_open(&other, http_port(http, 0));
    for (int at = 0; at < 4; at++) {
        ask(&other, "/one");
        read_head(&other);
        check_int(read_chunks(&other), SLICE_BYTES);
    }
    client_close(&other);
    read_head(&client);
    check_int(read_chunks(&client), (int64_t)SLICES * SLICE_BYTES);
    check_int(atomic_load(&run_count), SLICES + 4);
    client_close(&client);
    http_close(http);
}

TEST(test_stream__stops_when_nobody_takes_it)
{
    struct http *http = open_one((struct http_limits){.stall_ms = 300, .sweep_ms = 50});
    client_open_small(&client, http_port(http, 0), 4096);
    ask(&client, "/slices");
    wait_for(&run_count, 1);
    wait_until_none(http);
    check(atomic_load(&run_count) < SLICES);
    client_close(&client);
    http_close(http);
}

TEST(test_stream__stops_when_its_peer_leaves)
{
    struct http *http = open_one((struct http_limits){});
    client_open(&client, http_port(http, 0));
    ask(&client, "/slow");
    read_head(&client);
    client_close(&client);
    client_open_h2(&client, http_port(http, 0), S(""));
    check(client_request(&client, 1, false, "/slow"));
    wait_for(&run_count, 4);
    check(client_frame(&client, FRAME_RESET, 0, 1, S("\0\0\0\x8")));
    for (int64_t begun_ms = now_ms(); http_figures(http).tasks_open > 0; usleep(1000))
        check(now_ms() - begun_ms < READ_MS_MAX);
    check(atomic_load(&run_count) < 1000);
    client_close(&client);
    wait_until_none(http);
    http_close(http);
}

TEST(test_stream__that_breaks_off_is_not_taken_for_whole)
{
    struct http *http = open_one((struct http_limits){});
    client_open(&client, http_port(http, 0));
    ask(&client, "/broken");
    read_head(&client);
    check_int(read_chunks(&client), -1);
    client_close(&client);
    wait_until_none(http);
    http_close(http);
}

TEST(test_stream__stays_open_and_says_what_it_is_given)
{
    constexpr int64_t IDLE_MS = 1000;
    struct http *http = open_one((struct http_limits){.idle_ms = IDLE_MS, .sweep_ms = 50});
    client_open(&client, http_port(http, 0));
    ask(&client, "/open");
    read_head(&client);
    check_str(answer_header(&answer, S("connection")), S("close"));
    expect(&client, "begin\n");
    client_open_h2(&other, http_port(http, 0), S(""));
    check(client_request(&other, 1, false, "/open"));
    check(client_request(&other, 3, false, "/open"));
    wait_for(&taken_count, 3);
    /* Longer than any connection may be idle, and looked at since. */
    usleep((useconds_t)IDLE_MS * 1000);
    unsigned ticks = atomic_load(&tick_count);
    wait_for(&tick_count, ticks + 10);
    check_int(atomic_load(&ended_count), 0);
    expect(&other, "begin\n");
    atomic_store(&to_write, 1);
    http_wake(http, 0);
    expect(&client, "more\n");
    expect(&other, "more\n");
    wait_for(&taken_count, 6);
    atomic_store(&is_closing, true);
    http_wake(http, 0);
    wait_for(&ended_count, 3);
    check(client_until_closed(&client, READ_MS_MAX));
    client_close(&client);
    client_close(&other);
    wait_until_none(http);
    check_int(http_figures(http).closed_abuse, 0);
    http_close(http);
}

TEST(test_stream__that_stays_open_ends_with_its_peer)
{
    struct http *http = open_one((struct http_limits){});
    client_open(&client, http_port(http, 0));
    ask(&client, "/open");
    read_head(&client);
    client_open_h2(&other, http_port(http, 0), S(""));
    check(client_request(&other, 1, false, "/open"));
    check(client_request(&other, 3, false, "/open"));
    wait_for(&taken_count, 3);
    client_close(&client);
    wait_for(&ended_count, 1);
    check(client_frame(&other, FRAME_RESET, 0, 1, S("\0\0\0\x8")));
    wait_for(&ended_count, 2);
    client_close(&other);
    wait_for(&ended_count, 3);
    wait_until_none(http);
    http_close(http);
}

TEST(test_stream__that_stays_open_is_cut_when_nobody_takes_it)
{
    struct http *http = open_one((struct http_limits){.stall_ms = 300, .sweep_ms = 50});
    client_open_small(&client, http_port(http, 0), 4096);
    ask(&client, "/open");
    wait_for(&taken_count, 1);
    atomic_store(&is_large, true);
    atomic_store(&to_write, UINT32_MAX / 2);
    for (int64_t begun_ms = now_ms(); atomic_load(&ended_count) == 0; usleep(1000)) {
        check(now_ms() - begun_ms < READ_MS_MAX);
        http_wake(http, 0);
    }
    wait_until_none(http); /* by the server, or by the kernel, which has the same limit */
    client_close(&client);
    http_close(http);
}

TEST(test_stream__that_floods_its_own_way_in_is_ended)
{
    struct http *http = open_one((struct http_limits){});
    client_open(&client, http_port(http, 0));
    ask(&client, "/open");
    read_head(&client);
    wait_for(&taken_count, 1);
    while (client_try_send(&client, (str){slice, SLICE_BYTES}) && atomic_load(&ended_count) == 0)
        ;
    wait_for(&ended_count, 1);
    client_close(&client);
    wait_until_none(http);
    http_close(http);
}

TEST(test_stream__is_ended_by_the_end_of_the_server)
{
    struct http *http = open_one((struct http_limits){.stop_ms = 2 * READ_MS_MAX});
    client_open(&client, http_port(http, 0));
    client_open_h2(&other, http_port(http, 0), S(""));
    ask(&client, "/open");
    check(client_request(&other, 1, false, "/open"));
    wait_for(&taken_count, 2);
    int64_t begun_ms = now_ms();
    http_close(http);
    check(now_ms() - begun_ms < READ_MS_MAX);
    check_int(atomic_load(&ended_count), 2);
    client_close(&client);
    client_close(&other);
}
