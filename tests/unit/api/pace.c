/* How many requests each tenant may make: a bucket for each. */
#include "api/pace.h"

#include "record/quota.h"
#include "test.h"

constexpr int64_t NOW = 1'000'000;

static bool take(struct pace *pace, uint32_t tenant, int64_t now_ms, struct pace_state *state)
{
    if (!pace_has_bound(pace, tenant, now_ms)) pace_set_bound(pace, tenant, 60, now_ms);
    return pace_take(pace, tenant, now_ms, state);
}

TEST(test_pace__takes_a_minutes_worth_and_says_how_long_to_wait)
{
    struct pace *pace = pace_make();
    struct pace_state state;
    for (uint32_t at = 0; at < 60; at++) check(take(pace, 7, NOW, &state));
    check_int(pace_use(pace, 7, NOW), 60);
    check(!take(pace, 7, NOW, &state));
    check_int(state.bound, 60);
    check_int(state.use, 60);
    check(state.wait_ms > 900 && state.wait_ms <= 1001);
    /* What is refused counts not; another tenant's bucket is its own. */
    check_int(pace_use(pace, 7, NOW), 60);
    check(take(pace, 8, NOW, &state));
    check(!take(pace, 7, NOW + 900, &state));
    check(take(pace, 7, NOW + 1000, &state));
    check(!take(pace, 7, NOW + 1000, &state));
    check_int(pace_use(pace, 7, NOW + 61'000), 0);
    pace_drop(pace);
}

TEST(test_pace__of_none_takes_none_and_a_new_bound_holds_at_once)
{
    struct pace *pace = pace_make();
    struct pace_state state;
    check(!pace_has_bound(pace, 3, NOW));
    pace_set_bound(pace, 3, 0, NOW);
    check(pace_has_bound(pace, 3, NOW + PACE_BOUND_KEPT_MS - 1));
    check(!pace_has_bound(pace, 3, NOW + PACE_BOUND_KEPT_MS));
    check(!pace_take(pace, 3, NOW, &state));
    check(state.wait_ms > 0);
    pace_set_bound(pace, 3, 2, NOW);
    check(pace_take(pace, 3, NOW, &state));
    pace_drop(pace);
}

TEST(test_pace__forgets_the_emptiest_where_there_is_no_room)
{
    struct pace *pace = pace_make();
    struct pace_state state;
    for (uint32_t at = 0; at < 60; at++) check(take(pace, 1, NOW, &state));
    /* All tenants there may be, and more: whoever used its bound up is not forgotten for them. */
    for (uint32_t tenant = 2; tenant < 3 * PACE_TENANTS_MAX; tenant++)
        check(take(pace, tenant, NOW, &state));
    check(!take(pace, 1, NOW, &state));
    /* A clock that is set back frees nobody and shuts nobody out. */
    check(!take(pace, 1, NOW - 5000, &state));
    check(take(pace, 1, NOW, &state));
    pace_drop(pace);
}

/** The greatest bound that may be set is none that a bucket cannot count with. */
TEST(test_pace__counts_with_the_greatest_bound)
{
    struct pace *pace = pace_make();
    struct pace_state state;
    int64_t bound = quota_kinds[QUOTA_REQUESTS].greatest;
    pace_set_bound(pace, 5, bound, NOW);
    for (int64_t passed_ms = 0; passed_ms < 60'000; passed_ms += 59'999) {
        check(pace_take(pace, 5, NOW + passed_ms, &state));
        check_int(state.bound, bound);
    }
    check_int(pace_use(pace, 5, NOW + 59'999), 1);
    pace_drop(pace);
}
