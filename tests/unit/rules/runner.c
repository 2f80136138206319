/* Talks with runners: with a good one, and with a program in its place that does everything wrong
 * (tests/hostile/runner.c), at each point of a talk. */
#include "rules/runner.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "test.h"
#include "value/frame.h"
#include "value/value.h"

constexpr int64_t CPU_MS = 20;
constexpr int64_t STALLED_MS = 400, WALL_MS = 1200; /** far more than a good answer takes */
constexpr uint32_t EXCHANGES = 3;                   /** of a whole talk */

static struct runners *runners_make(void)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as the server does */
    const char *path = getenv("ATRIUM_HOSTILE");
    struct runners *runners =
        runners_open(str_of(path != nullptr ? path : "zig-out/bin/atrium-hostile"));
    check(runners != nullptr);
    return runners;
}

/** A frame for the hostile program, with its plan when that is not empty. */
static str frame_of(struct arena *arena, const char *plan, bool is_last)
{
    struct buf out = buf_make(arena, KIB);
    pack_map(&out, 2 + is_last);
    pack_text(&out, S("ask"));
    pack_text(&out, S("play"));
    pack_text(&out, S("name"));
    if (plan != nullptr) pack_text(&out, str_of(plan));
    else pack_nil(&out);
    if (is_last) pack_text(&out, S("last"));
    if (is_last) pack_bool(&out, true);
    return buf_str(&out);
}

struct played {
    enum runner_outcome outcome;
    uint32_t exchanges; /** that were answered */
    str failure;
    int64_t cpu_us;
};

static struct played play(struct runners *runners, struct task *task, uint32_t tenant,
                          const char *plan)
{
    struct talk *talk;
    struct played played = {.outcome =
                                talk_begin(runners, task, tenant, RUNNER_FOR_CHANGES, &talk)};
    if (played.outcome != RUNNER_ANSWERED) return played;
    for (uint32_t at = 1; at <= EXCHANGES; at++) {
        str frame = frame_of(task->arena, at == 1 ? plan : nullptr, at == EXCHANGES), answer;
        played.outcome = talk_say(talk, frame, CPU_MS, &answer);
        if (played.outcome != RUNNER_ANSWERED) break;
        played.exchanges++;
    }
    played.failure = talk_failure(talk);
    talk_end(talk, played.outcome == RUNNER_ANSWERED);
    played.cpu_us = talk_cpu_us(talk);
    return played;
}

struct deed {
    const char *name;
    const char *failure; /** nullptr: at this level it is an answer */
};

static const struct deed deeds[] = {
    {"leave", "stopped"},
    {"abort", "stopped"},
    {"close", "stopped"},
    {"stop", "has stalled"},
    {"sleep", "has stalled"},
    {"compute", "takes too much time"},
    {"no-length", "stopped"},
    {"too-long", "stopped"},
    {"huge", "stopped"},
    {"part-and-leave", "stopped"},
    {"part", "has stalled"},
    {"part-of-length", "has stalled"},
    {"trickle", "has stalled"},
    {"too-much", "stopped"},
    {"zeros", "stopped"},
    {"deep", "said what is no answer"},
    {"cut", "said what is no answer"},
    {"wide", "said what is no answer"},
    {"wide-list", "said what is no answer"},
    {"long-text", "said what is no answer"},
    {"extension", "said what is no answer"},
    {"text", "said what is no answer"},
    {"bad-text", "said what is no answer"},
    {"key-twice", "said what is no answer"},
    {"behind", "said what is no answer"},
    {"empty", nullptr},
};
constexpr uint32_t DEEDS = sizeof deeds / sizeof *deeds;

/** One of several tenants that go through all deeds and points at once. */
struct playing {
    struct runners *runners;
    uint32_t tenant;
    _Atomic uint32_t *next;
    uint32_t failed;
    uint32_t spoilt; /** by the machine */
    pthread_t thread;
};

/** Plays it; again where the machine stood still meanwhile, for time that the machine took from a
 *  runner counts as its own. */
static struct played play_through(struct playing *playing, struct task *task, const char *plan,
                                  const char *failure)
{
    constexpr uint32_t TRIES_MAX = 20;
    static const char *const late[] = {"takes too much time", "has stalled"};
    for (uint32_t tries = 1;; tries++) {
        struct played played = play(playing->runners, task, playing->tenant, plan);
        bool is_late = false;
        for (size_t at = 0; at < sizeof late / sizeof *late; at++)
            is_late = is_late || (str_eq(played.failure, str_of(late[at])) &&
                                  (failure == nullptr || strcmp(failure, late[at]) != 0));
        if (!is_late || tries == TRIES_MAX) return played;
        playing->spoilt++;
    }
}

static void do_deed(struct playing *playing, struct task *task, uint32_t number)
{
    const struct deed *deed = &deeds[number / EXCHANGES];
    uint32_t point = number % EXCHANGES + 1;
    char plan[80];
    (void)snprintf(plan, sizeof plan, "at %u %s", point, deed->name);
    struct played played = play_through(playing, task, plan, deed->failure);
    if (deed->failure == nullptr) {
        check_int(played.exchanges, EXCHANGES);
        return;
    }
    check_int(played.outcome, RUNNER_FAILED);
    check_int(played.exchanges, point - 1);
    check_str(played.failure, str_of(deed->failure));
    check(task->arena->used_bytes < FRAME_BYTES_MAX + MIB);
    /* The next one knows nothing of it. */
    check_int(play_through(playing, task, nullptr, nullptr).exchanges, EXCHANGES);
    playing->failed++;
}

static void *play_all(void *argument)
{
    struct playing *playing = argument;
    for (;;) {
        struct test_task test;
        uint32_t number = atomic_fetch_add(playing->next, 1);
        if (number >= DEEDS * EXCHANGES) return nullptr;
        test_task_init(&test);
        do_deed(playing, &test.task, number);
        test_task_drop(&test);
    }
}

TEST(test_runner__may_do_anything_at_any_point)
{
    struct playing players[4] = {};
    constexpr uint32_t COUNT = sizeof players / sizeof *players;
    struct runners *runners = runners_make();
    _Atomic uint32_t next = 0;
    uint64_t failed = 0, spoilt = 0;
    runners_hurry(runners, STALLED_MS, WALL_MS);
    for (uint32_t at = 0; at < COUNT; at++) {
        players[at] = (struct playing){.runners = runners, .tenant = at + 1, .next = &next};
        check_int(pthread_create(&players[at].thread, nullptr, play_all, &players[at]), 0);
    }
    for (uint32_t at = 0; at < COUNT; at++) {
        check_int(pthread_join(players[at].thread, nullptr), 0);
        failed += players[at].failed;
        spoilt += players[at].spoilt;
    }
    /* A fresh one for each that failed, and nothing besides. */
    struct runner_figures figures = runners_figures(runners);
    check_int(failed, (DEEDS - 1) * EXCHANGES);
    check_int(figures.killed, failed + spoilt);
    check(figures.started >= failed);
    check(figures.live <= 2 * COUNT);
    check_int(figures.waiting, 0);
    runners_close(runners);
}

TEST(test_runner__that_misbehaves_unasked_is_replaced)
{
    static const char *const plans[] = {"at 0 leave",    "at 0 abort", "at 0 close",
                                        "at 0 too-much", "at 0 deep",  "at 0 flood"};
    struct test_task test;
    struct runners *runners = runners_make();
    test_task_init(&test);
    for (size_t at = 0; at < sizeof plans / sizeof *plans; at++) {
        uint32_t failed = play(runners, &test.task, 1, plans[at]).exchanges < EXCHANGES;
        while (runners_figures(runners).killed == at) {
            (void)usleep(10'000);
            failed += play(runners, &test.task, 1, nullptr).exchanges < EXCHANGES;
        }
        /* That talk, when it did so at once, or the next one, when it did so in its middle. */
        check(failed <= 1);
        check_int(runners_figures(runners).killed, at + 1);
        check_int(play(runners, &test.task, 1, nullptr).exchanges, EXCHANGES);
    }
    runners_close(runners);
    test_task_drop(&test);
}

TEST(test_runner__is_told_no_more_than_fits)
{
    struct test_task test;
    struct talk *talk;
    struct runners *runners = runners_make();
    test_task_init(&test);
    str frame = {arena_take_raw(&test.arena, FRAME_BYTES_MAX + 1), FRAME_BYTES_MAX + 1}, answer;
    check_int(talk_begin(runners, &test.task, 1, RUNNER_FOR_CHANGES, &talk), RUNNER_ANSWERED);
    check_int(talk_say(talk, frame, CPU_MS, &answer), RUNNER_FAILED);
    check_str(talk_failure(talk), S("would be told too much"));
    talk_end(talk, true);
    check_int(runners_figures(runners).killed, 1);
    runners_close(runners);
    test_task_drop(&test);
}

/* Time is the runner's own. */

TEST(test_runner__computes_on_its_own_clock)
{
    struct test_task test;
    struct runners *runners = runners_make();
    test_task_init(&test);
    struct played played = play(runners, &test.task, 1, "at 2 compute");
    check_str(played.failure, S("takes too much time"));
    check(played.cpu_us >= CPU_MS * 1000);
    struct runner_figures figures = runners_figures(runners);
    check(figures.computed_us >= played.cpu_us);
    /* What a talk waits for is not computed. */
    check(play(runners, &test.task, 1, nullptr).cpu_us < CPU_MS * 1000);
    runners_close(runners);
    test_task_drop(&test);
}

TEST(test_runner__of_a_tenant_that_spent_its_share_is_refused)
{
    struct test_task test;
    struct runners *runners = runners_make();
    test_task_init(&test);
    check_int(runners_share(runners, 1, RUNNER_FOR_CHANGES, 1).wait_ms, 0);
    (void)play(runners, &test.task, 1, "at 1 compute");
    check_int(runners_share(runners, 1, RUNNER_FOR_CHANGES, RULE_SHARE_MS_A_MINUTE).wait_ms, 0);
    check(runners_use_ms(runners, 1) > 0);
    /* What trials have spent is counted apart; the rest in tests/unit/rules/share.c. */
    check(runners_share(runners, 1, RUNNER_FOR_CHANGES, 1).wait_ms > 0);
    check_int(runners_share(runners, 1, RUNNER_FOR_TRIALS, 1).wait_ms, 0);
    runners_close(runners);
    test_task_drop(&test);
}

/* Roads out of a talk. */

struct leaving {
    struct runners *runners;
    struct task *task;
};

static enum err leave(void *argument)
{
    struct leaving *leaving = argument;
    struct talk *talk;
    str answer;
    check_int(talk_begin(leaving->runners, leaving->task, 1, RUNNER_FOR_CHANGES, &talk),
              RUNNER_ANSWERED);
    check_int(talk_say(talk, frame_of(leaving->task->arena, nullptr, false), CPU_MS, &answer),
              RUNNER_ANSWERED);
    for (;;) (void)arena_take(leaving->task->arena, MIB);
}

TEST(test_runner__is_let_go_with_the_arena)
{
    struct arena arena;
    struct task task;
    struct runners *runners = runners_make();
    arena_init(&arena, MIB);
    task_init(&task, &arena);
    struct leaving leaving = {runners, &task};
    /* More often than there are turns: each one is given back. */
    for (uint32_t turn = 1; turn <= 20; turn++) {
        check_int(arena_guard(&arena, leave, &leaving), ERR_TOO_LARGE);
        arena_clear(&arena);
        check_int(runners_figures(runners).killed, turn);
    }
    check_int(play(runners, &task, 1, nullptr).exchanges, EXCHANGES);
    arena_drop(&arena);
    runners_close(runners);
}

TEST(test_runner__talk_ends_once)
{
    struct test_task test;
    struct talk *talk;
    struct runners *runners = runners_make();
    test_task_init(&test);
    check_int(talk_begin(runners, &test.task, 1, RUNNER_FOR_CHANGES, &talk), RUNNER_ANSWERED);
    talk_end(talk, true);
    talk_end(talk, false);
    check_int(runners_figures(runners).killed, 0);
    runners_close(runners);
    test_task_drop(&test);
}

/* Turns. */

constexpr uint32_t TURNS_MAX = 64; /** that these tests have room for */

static uint32_t turns_max(void)
{
    uint32_t count = 2 * (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    check(count <= TURNS_MAX);
    return count;
}

/** One that wants a runner on a thread of its own. */
struct wanting {
    struct test_task test;
    struct runners *runners;
    uint32_t tenant;
    enum runner_use use;
    const char *plan;
    _Atomic uint32_t *order; /** counts those that had their turn */
    uint32_t place;          /** in it, from 1 */
    pthread_t thread;
};

static void *want(void *argument)
{
    struct wanting *wanting = argument;
    struct talk *talk;
    str answer;
    struct arena *arena = &wanting->test.arena;
    check_int(
        talk_begin(wanting->runners, &wanting->test.task, wanting->tenant, wanting->use, &talk),
        RUNNER_ANSWERED);
    wanting->place = atomic_fetch_add(wanting->order, 1) + 1;
    enum runner_outcome outcome =
        talk_say(talk, frame_of(arena, wanting->plan, true), CPU_MS, &answer);
    talk_end(talk, outcome == RUNNER_ANSWERED);
    return nullptr;
}

static void wanting_start(struct wanting *wanting)
{
    uint32_t waiting = runners_figures(wanting->runners).waiting;
    test_task_init(&wanting->test);
    check_int(pthread_create(&wanting->thread, nullptr, want, wanting), 0);
    /* It waits in its place before the next one comes. */
    while (runners_figures(wanting->runners).waiting == waiting) (void)usleep(100);
}

static void wanting_join(struct wanting *wanting)
{
    check_int(pthread_join(wanting->thread, nullptr), 0);
    test_task_drop(&wanting->test);
}

/** Takes every turn there is, each for another tenant, from 100 on. */
static void take_all(struct runners *runners, struct test_task *tests, struct talk **talks,
                     uint32_t count)
{
    for (uint32_t at = 0; at < count; at++) {
        test_task_init(&tests[at]);
        check_int(talk_begin(runners, &tests[at].task, 100 + at, RUNNER_FOR_CHANGES, &talks[at]),
                  RUNNER_ANSWERED);
    }
}

static void give_all(struct test_task *tests, struct talk **talks, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++) {
        talk_end(talks[at], true);
        test_task_drop(&tests[at]);
    }
}

constexpr int64_t LONG_CPU_MS = 500; /** takes three times as long to run off */

static void compute(struct runners *runners, struct task *task, uint32_t tenant, int64_t cpu_ms)
{
    struct talk *talk;
    str answer, frame = frame_of(task->arena, "at 1 compute", false);
    check_int(talk_begin(runners, task, tenant, RUNNER_FOR_CHANGES, &talk), RUNNER_ANSWERED);
    check_int(talk_say(talk, frame, cpu_ms, &answer), RUNNER_FAILED);
    talk_end(talk, false);
}

TEST(test_runner__turns_go_to_who_spent_least)
{
    uint32_t count = turns_max();
    struct test_task tests[TURNS_MAX], heavy_test;
    struct talk *talks[TURNS_MAX];
    _Atomic uint32_t order = 0;
    struct runners *runners = runners_make();
    test_task_init(&heavy_test);
    take_all(runners, tests, talks, count);
    talk_end(talks[0], true);
    compute(runners, &heavy_test.task, 1, LONG_CPU_MS);
    check_int(talk_begin(runners, &tests[0].task, 100, RUNNER_FOR_CHANGES, &talks[0]),
              RUNNER_ANSWERED);
    struct wanting spent = {.runners = runners, .tenant = 1, .order = &order};
    struct wanting first = {.runners = runners, .tenant = 2, .order = &order};
    struct wanting second = {.runners = runners, .tenant = 3, .order = &order};
    wanting_start(&spent);
    wanting_start(&first);
    wanting_start(&second);
    /* One turn after the other becomes free: each is given back before the next. */
    talk_end(talks[0], true);
    wanting_join(&first);
    wanting_join(&second);
    wanting_join(&spent);
    check_int(first.place, 1);
    check_int(second.place, 2);
    check_int(spent.place, 3);
    give_all(tests, talks, count);
    test_task_drop(&heavy_test);
    runners_close(runners);
}

TEST(test_runner__trials_leave_turns_for_changes)
{
    uint32_t count = turns_max() / 2;
    struct test_task tests[TURNS_MAX], test;
    struct talk *talks[TURNS_MAX], *talk;
    struct runners *runners = runners_make();
    _Atomic uint32_t order = 0;
    for (uint32_t at = 0; at < count; at++) {
        test_task_init(&tests[at]);
        check_int(talk_begin(runners, &tests[at].task, 100 + at, RUNNER_FOR_TRIALS, &talks[at]),
                  RUNNER_ANSWERED);
    }
    struct wanting trial = {
        .runners = runners, .tenant = 1, .use = RUNNER_FOR_TRIALS, .order = &order};
    wanting_start(&trial);
    test_task_init(&test);
    check_int(talk_begin(runners, &test.task, 1, RUNNER_FOR_CHANGES, &talk), RUNNER_ANSWERED);
    check_int(atomic_load(&order), 0);
    talk_end(talk, true);
    give_all(tests, talks, count);
    wanting_join(&trial);
    test_task_drop(&test);
    runners_close(runners);
}

TEST(test_runner__of_a_task_that_has_one_takes_no_turn)
{
    uint32_t count = turns_max();
    struct test_task tests[TURNS_MAX];
    struct talk *talks[TURNS_MAX];
    struct runners *runners = runners_make();
    take_all(runners, tests, talks, count);
    /* Every lane has a runner, and each wants another one for a formula. */
    for (uint32_t at = 0; at < count; at++) {
        str answer;
        struct arena *arena = &tests[at].arena;
        check_int(runner_ask(runners, &tests[at].task, 100 + at, frame_of(arena, nullptr, true),
                             CPU_MS, &answer),
                  RUNNER_ANSWERED);
    }
    give_all(tests, talks, count);
    runners_close(runners);
}

/* The end of the server. */

static void *compute_on(void *argument)
{
    struct test_task test;
    struct talk *talk;
    str answer;
    static _Atomic uint32_t tenant = 1;
    test_task_init(&test);
    (void)talk_begin(argument, &test.task, atomic_fetch_add(&tenant, 1), RUNNER_FOR_CHANGES, &talk);
    (void)talk_say(talk, frame_of(&test.arena, "at 1 compute", false), 1'000'000, &answer);
    return nullptr;
}

TEST(test_runner__does_not_outlive_the_server)
{
    uint32_t count = turns_max();
    /* What loses its parent becomes a child of this process. */
    check_int(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    int ready[2];
    check_int(pipe(ready), 0);
    pid_t server = fork();
    check(server >= 0);
    if (server == 0) {
        struct runners *runners = runners_make();
        struct test_task tests[TURNS_MAX];
        struct talk *talks[TURNS_MAX];
        /* Some that wait, and as many as there are turns that compute. */
        take_all(runners, tests, talks, count);
        give_all(tests, talks, count);
        for (uint32_t at = 0; at < count; at++) {
            pthread_t thread;
            check_int(pthread_create(&thread, nullptr, compute_on, runners), 0);
        }
        while (runners_figures(runners).asked < (uint64_t)count * 2) (void)usleep(1000);
        (void)usleep(50'000);
        check(write(ready[1], "x", 1) == 1);
        for (;;) (void)pause();
    }
    char byte;
    close(ready[1]);
    check_int(read(ready[0], &byte, 1), 1);
    check_int(kill(server, SIGKILL), 0);
    uint32_t ended = 0;
    while (waitpid(-1, nullptr, 0) > 0) ended++;
    check(ended > count); /* all of them, or this waits for ever */
    close(ready[0]);
}
