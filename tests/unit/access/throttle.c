#include "test.h"

#include "access/throttle.h"

constexpr int64_t START_MS = 1'700'000'000'000;

static struct throttle *throttle_make(struct test_task *test)
{
    return arena_new(&test->arena, struct throttle, 1);
}

static uint32_t tries_until_full(struct throttle *throttle, const struct throttle_bucket *bucket,
                                 int64_t now_ms)
{
    int64_t wait_ms;
    for (uint32_t tries = 0; tries < 1000; tries++)
        if (!throttle_take(throttle, bucket, 1, now_ms, &wait_ms)) return tries;
    return 1000;
}

TEST(test_throttle__bucket_holds_its_tries_then_says_how_long_to_wait)
{
    struct test_task test;
    test_task_init(&test);
    struct throttle *throttle = throttle_make(&test);
    struct throttle_bucket bucket = {77, 10, 30'000};
    check_int(tries_until_full(throttle, &bucket, START_MS), 10);
    int64_t wait_ms = 0;
    check(!throttle_take(throttle, &bucket, 1, START_MS + 10'000, &wait_ms));
    check_int(wait_ms, 20'000);
    check(!throttle_take(throttle, &bucket, 1, START_MS + 29'999, &wait_ms));
    check(throttle_take(throttle, &bucket, 1, START_MS + 30'000, &wait_ms));
    check_int(wait_ms, 0);
    test_task_drop(&test);
}

TEST(test_throttle__refused_tries_do_not_make_the_wait_longer)
{
    struct test_task test;
    test_task_init(&test);
    struct throttle *throttle = throttle_make(&test);
    struct throttle_bucket bucket = {5, 3, 1000};
    check_int(tries_until_full(throttle, &bucket, START_MS), 3);
    int64_t wait_ms;
    for (int at = 0; at < 1000; at++)
        check(!throttle_take(throttle, &bucket, 1, START_MS + 1, &wait_ms));
    check(throttle_take(throttle, &bucket, 1, START_MS + 1000, &wait_ms));
    test_task_drop(&test);
}

TEST(test_throttle__time_empties_the_bucket_whole)
{
    struct test_task test;
    test_task_init(&test);
    struct throttle *throttle = throttle_make(&test);
    struct throttle_bucket bucket = {5, 4, 1000};
    check_int(tries_until_full(throttle, &bucket, START_MS), 4);
    check_int(tries_until_full(throttle, &bucket, START_MS + 4000), 4);
    test_task_drop(&test);
}

TEST(test_throttle__one_full_bucket_leaves_the_others_as_they_were)
{
    struct test_task test;
    test_task_init(&test);
    struct throttle *throttle = throttle_make(&test);
    struct throttle_bucket full = {1, 1, 1000}, other = {2, 5, 1000};
    check_int(tries_until_full(throttle, &full, START_MS), 1);
    struct throttle_bucket both[] = {other, full};
    int64_t wait_ms;
    check(!throttle_take(throttle, both, 2, START_MS, &wait_ms));
    check_int(tries_until_full(throttle, &other, START_MS), 5);
    test_task_drop(&test);
}

TEST(test_throttle__given_back_and_forgotten_tries_may_be_made_again)
{
    struct test_task test;
    test_task_init(&test);
    struct throttle *throttle = throttle_make(&test);
    struct throttle_bucket bucket = {9, 2, 1000};
    check_int(tries_until_full(throttle, &bucket, START_MS), 2);
    throttle_give_back(throttle, &bucket, START_MS);
    check_int(tries_until_full(throttle, &bucket, START_MS), 1);
    throttle_forget(throttle, bucket.key);
    check_int(tries_until_full(throttle, &bucket, START_MS), 2);
    test_task_drop(&test);
}

TEST(test_throttle__clock_set_back_shuts_nobody_out)
{
    struct test_task test;
    test_task_init(&test);
    struct throttle *throttle = throttle_make(&test);
    struct throttle_bucket bucket = {9, 2, 1000};
    check_int(tries_until_full(throttle, &bucket, START_MS), 2);
    int64_t wait_ms;
    check(!throttle_take(throttle, &bucket, 1, START_MS - 86'400'000, &wait_ms));
    check(wait_ms <= 1000);
    test_task_drop(&test);
}

TEST(test_throttle__crowded_set_forgets_its_emptiest_bucket)
{
    struct test_task test;
    test_task_init(&test);
    struct throttle *throttle = throttle_make(&test);
    constexpr uint64_t sets = THROTTLE_SLOTS / THROTTLE_WAYS;
    struct throttle_bucket worst = {3, 10, 1000};
    check_int(tries_until_full(throttle, &worst, START_MS), 10);
    int64_t wait_ms;
    for (uint64_t other = 1; other <= 100; other++) {
        struct throttle_bucket passing = {3 + other * sets, 10, 1000};
        check(throttle_take(throttle, &passing, 1, START_MS, &wait_ms));
    }
    check(!throttle_take(throttle, &worst, 1, START_MS, &wait_ms));
    test_task_drop(&test);
}
