#include "client.h"

static struct client client, other;
static struct answer answer;

/** Tasks that a test holds back. */
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct http_task *held[256];
static atomic_uint held_count;
static atomic_uint run_count;

static void run(struct http_task *task)
{
    atomic_fetch_add(&run_count, 1);
    str text = arena_print(&task->arena, "task %llu", (unsigned long long)task->number);
    const struct http_header headers[] = {{S("X-Worker"), S("yes")}};
    http_task_answer(task, &(struct http_answer){.status = 200,
                                                 .content_type = S("text/plain"),
                                                 .body = text,
                                                 .header_count = 1,
                                                 .headers = headers});
}

static void run_slowly(struct http_task *task)
{
    usleep(100'000);
    run(task);
}

/** More than the socket takes off the server's hands. */
static char large[16 << 20];

static void run_large(struct http_task *task)
{
    http_task_answer(task, &(struct http_answer){.status = 200,
                                                 .content_type = S("text/plain"),
                                                 .body = {large, sizeof large}});
}

static void hold(struct http_task *task)
{
    pthread_mutex_lock(&held_lock);
    held[atomic_load(&held_count)] = task;
    atomic_fetch_add(&held_count, 1);
    pthread_mutex_unlock(&held_lock);
}

static void handle(struct http_request *request)
{
    if (str_eq(request->path, S("/now"))) {
        answer_text(request, 200, S("now"));
        return;
    }
    struct http_task *task = http_task_make(request->exchange);
    if (task == nullptr) return;
    task->request = nullptr;
    task->run = str_eq(request->path, S("/slow")) ? run_slowly : run;
    if (str_eq(request->path, S("/large"))) task->run = run_large;
    if (str_eq(request->path, S("/hold"))) hold(task);
    else http_task_queue(task);
}

static struct http *open_one(struct http_limits limits)
{
    atomic_store(&held_count, 0);
    atomic_store(&run_count, 0);
    return server_open((struct http_options){.handle = handle, .limits = limits});
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

TEST(test_tasks__are_answered_by_a_worker)
{
    struct http *http = open_one((struct http_limits){});
    client_open(&client, http_port(http, 0));
    for (int at = 1; at <= 20; at++) {
        char should[32];
        snprintf(should, sizeof should, "task %d", at);
        client_get(&client, "/work", &answer);
        check_int(answer.status, 200);
        check_str(answer.body, str_of(should));
        check_str(answer_header(&answer, S("x-worker")), S("yes"));
    }
    client_close(&client);
    http_close(http);
}

TEST(test_tasks__are_answered_by_any_thread_in_any_order)
{
    struct http *http = open_one((struct http_limits){});
    client_open_h2(&client, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < 8; at++) check(client_request(&client, 1 + 2 * at, false, "/hold"));
    wait_for(&held_count, 8);
    for (unsigned at = 8; at-- > 0;) run(held[at]);
    static struct frame frame;
    unsigned ended = 0;
    while (ended < 8) {
        check(client_next(&client, &frame));
        check(frame.type != FRAME_RESET);
        if (frame.type == FRAME_DATA && frame.flags & FLAG_END_STREAM) ended++;
    }
    client_close(&client);
    http_close(http);
}

TEST(test_tasks__of_reset_requests_are_marked_and_their_answers_thrown_away)
{
    struct http *http = open_one((struct http_limits){});
    client_open_h2(&client, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < 4; at++) check(client_request(&client, 1 + 2 * at, false, "/hold"));
    wait_for(&held_count, 4);
    check(!http_task_is_abandoned(held[0]));
    check(client_frame(&client, FRAME_RESET, 0, 1, S("\0\0\0\x8")));
    check(client_frame(&client, FRAME_RESET, 0, 3, S("\0\0\0\x8")));
    for (int64_t begun_ms = now_ms(); !http_task_is_abandoned(held[1]); usleep(1000))
        check(now_ms() - begun_ms < READ_MS_MAX);
    check(http_task_is_abandoned(held[0]));
    check(!http_task_is_abandoned(held[2]));
    for (unsigned at = 0; at < 4; at++) run(held[at]);
    check_int(client_stream(&client, 7), 6);
    client_close(&client);
    wait_until_none(http);
    http_close(http);
}

TEST(test_tasks__outlive_their_connection)
{
    struct http *http = open_one((struct http_limits){});
    client_open_h2(&client, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < 4; at++) check(client_request(&client, 1 + 2 * at, false, "/hold"));
    wait_for(&held_count, 4);
    client_close(&client);
    for (unsigned at = 0; at < 4; at++)
        for (int64_t begun_ms = now_ms(); !http_task_is_abandoned(held[at]); usleep(1000))
            check(now_ms() - begun_ms < READ_MS_MAX);
    check_int(http_figures(http).tasks_open, 4);
    for (unsigned at = 0; at < 4; at++) run(held[at]);
    wait_until_none(http);
    http_close(http);
}

TEST(test_tasks__not_begun_are_dropped_when_nobody_waits)
{
    struct http *http = open_one((struct http_limits){});
    client_open_h2(&client, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < 20; at++) check(client_request(&client, 1 + 2 * at, false, "/slow"));
    wait_for(&run_count, 1);
    client_close(&client);
    wait_until_none(http);
    check(atomic_load(&run_count) < 10);
    http_close(http);
}

TEST(test_tasks__beyond_the_limits_are_refused_at_once)
{
    struct http *http = open_one((struct http_limits){.tasks = 6, .connection_tasks = 4});
    client_open_h2(&client, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < 5; at++) check(client_request(&client, 1 + 2 * at, false, "/hold"));
    check(client_stream(&client, 9) > 50);
    check_int(http_figures(http).refused_busy, 1);
    client_open_h2(&other, http_port(http, 0), S(""));
    for (uint32_t at = 0; at < 3; at++) check(client_request(&other, 1 + 2 * at, false, "/hold"));
    check(client_stream(&other, 5) > 50);
    check_int(http_figures(http).refused_busy, 2);
    check_int(http_figures(http).tasks_open, 6);
    client_close(&other);
    client_open(&other, http_port(http, 0));
    client_get(&other, "/hold", &answer);
    check_int(answer.status, 503);
    check_str(answer_header(&answer, S("retry-after")), S("1"));
    check(str_has(answer.body, S("\"type\":\"full\"")));
    client_get(&other, "/now", &answer);
    check_int(answer.status, 200);
    for (unsigned at = 0; at < 6; at++) run(held[at]);
    client_get(&other, "/work", &answer);
    check_int(answer.status, 200);
    client_close(&other);
    client_close(&client);
    wait_until_none(http);
    http_close(http);
}

static void ask_for_large(struct client *from, struct http *http, const char *status)
{
    char head[12] = {};
    client_open(from, http_port(http, 0));
    client_send(from, S("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
    check_int(recv(from->descriptor, head, sizeof head, MSG_WAITALL), sizeof head);
    check_str(((str){head + 9, 3}), str_of(status));
}

TEST(test_tasks__whose_answers_nobody_takes_do_not_pile_up)
{
    struct http *http = open_one((struct http_limits){.answers_bytes = 20 << 20});
    ask_for_large(&client, http, "200");
    ask_for_large(&other, http, "503");
    client_close(&other);
    client_open(&other, http_port(http, 0));
    client_get(&other, "/", &answer);
    check_int(answer.status, 200);
    client_close(&other);
    client_close(&client);
    wait_until_none(http);
    for (int at = 0; at < 3; at++) {
        ask_for_large(&client, http, "200");
        client_close(&client);
        wait_until_none(http);
    }
    http_close(http);
}

static void *close_it(void *http)
{
    http_close(http);
    return nullptr;
}

TEST(test_tasks__under_way_are_finished_by_a_stop)
{
    struct http *http = open_one((struct http_limits){});
    uint16_t port = http_port(http, 0);
    pthread_t closer;
    client_open(&client, port);
    client_open(&other, port);
    client_get(&other, "/now", &answer);
    client_send(&client, S("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    wait_for(&held_count, 1);
    check(pthread_create(&closer, nullptr, close_it, http) == 0);
    check(client_until_closed(&other, READ_MS_MAX));
    usleep(100'000);
    run(held[0]);
    client_answer(&client, false, &answer);
    check_int(answer.status, 200);
    check(client_until_closed(&client, READ_MS_MAX));
    pthread_join(closer, nullptr);
    client_close(&client);
    client_close(&other);
}

TEST(test_tasks__do_not_hold_a_stop_for_a_client_that_reads_nothing)
{
    struct http *http = open_one((struct http_limits){.stop_ms = 300});
    pthread_t closer;
    client_open_h2(&client, http_port(http, 0), S("\0\x4\0\0\0\0")); /* no window for any body */
    check(client_request(&client, 1, false, "/now"));
    check(client_request(&client, 3, false, "/hold"));
    wait_for(&held_count, 1);
    int64_t begun_ms = now_ms();
    check(pthread_create(&closer, nullptr, close_it, http) == 0);
    usleep(50'000);
    run(held[0]);
    pthread_join(closer, nullptr);
    check(now_ms() - begun_ms >= 300);
    client_close(&client);
}

TEST(test_tasks__do_not_hold_a_stop_for_a_head_that_never_ends)
{
    struct http *http = open_one((struct http_limits){.stop_ms = 2 * READ_MS_MAX});
    pthread_t closer;
    char block[64];
    client_open_h2(&client, http_port(http, 0), S(""));
    check(client_request(&client, 1, false, "/hold"));
    wait_for(&held_count, 1);
    size_t len = request_write(block, false, "/now");
    check(client_frame(&client, FRAME_HEADERS, FLAG_END_STREAM, 3, (str){block, len}));
    check(pthread_create(&closer, nullptr, close_it, http) == 0);
    /* Past the second after which h2o would say its second good-bye. */
    for (int at = 0; at < 12; at++) {
        (void)client_frame(&client, FRAME_CONTINUATION, 0, 3, S("\x90"));
        usleep(100'000);
    }
    int64_t begun_ms = now_ms();
    run(held[0]);
    pthread_join(closer, nullptr);
    check(now_ms() - begun_ms < READ_MS_MAX);
    client_close(&client);
}

/** Many loops, many threads, resets at any moment; what counts is what the sanitizers say. */
static atomic_bool is_over;
static void *disturb(void *memory)
{
    struct http *http = memory;
    struct client *mine = malloc(sizeof *mine);
    for (uint32_t round = 0; !atomic_load(&is_over); round++) {
        client_open_h2(mine, http_port(http, 0), S(""));
        for (uint32_t at = 0; at < 30; at++) {
            if (!client_request(mine, 1 + 2 * at, false, at % 3 == 0 ? "/now" : "/work")) break;
            if (at % 4 == round % 4 &&
                !client_frame(mine, FRAME_RESET, 0, 1 + 2 * at, S("\0\0\0\x8")))
                break;
        }
        if (round % 2 == 0) (void)client_stream(mine, 59);
        client_close(mine);
    }
    free(mine);
    return nullptr;
}

TEST(test_tasks__survive_resets_at_any_moment)
{
    struct http *http = server_open((struct http_options){.handle = handle, .threads = 3});
    pthread_t threads[3];
    atomic_store(&is_over, false);
    for (int at = 0; at < 3; at++) check(pthread_create(&threads[at], nullptr, disturb, http) == 0);
    usleep(700'000);
    atomic_store(&is_over, true);
    for (int at = 0; at < 3; at++) pthread_join(threads[at], nullptr);
    client_open(&client, http_port(http, 0));
    client_get(&client, "/work", &answer);
    check_int(answer.status, 200);
    client_close(&client);
    wait_until_none(http);
    http_close(http);
}
