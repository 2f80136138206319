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
    /* Asking does not lengthen the wait, however often it is done. */
    for (int64_t passed_ms = 1; passed_ms < 1000; passed_ms++)
        check(!take(pace, 7, NOW + passed_ms, &state));
    check(take(pace, 7, NOW + 1000, &state));
    check(!take(pace, 7, NOW + 1000, &state));
    check_int(pace_use(pace, 7, NOW + 61'000), 0);
    pace_drop(pace);
}

TEST(test_pace__a_request_is_taken_after_the_wait_and_not_a_millisecond_before)
{
    struct pace_state state;
    for (int64_t bound = 1; bound <= 13; bound++) {
        struct pace *pace = pace_make();
        pace_set_bound(pace, 7, bound, NOW);
        for (int64_t at = 0; at < bound; at++) check(pace_take(pace, 7, NOW, &state));
        check(!pace_take(pace, 7, NOW, &state));
        /* Where a share of a minute is whole milliseconds, one more is said. */
        int64_t wait_ms = state.wait_ms, needed_ms = (60'000 + bound - 1) / bound;
        check_int(wait_ms, 60'000 / bound + 1);
        check(!pace_take(pace, 7, NOW + needed_ms - 1, &state));
        check(pace_take(pace, 7, NOW + wait_ms, &state));
        check(!pace_take(pace, 7, NOW + wait_ms, &state));
        pace_drop(pace);
    }
}

TEST(test_pace__of_none_takes_none_and_a_new_bound_holds_at_once)
{
    struct pace *pace = pace_make();
    struct pace_state state;
    check(!pace_has_bound(pace, 3, NOW));
    check(pace_take(pace, 3, NOW, &state)); /* whose bound is not known yet is let by */
    pace_set_bound(pace, 3, 0, NOW);
    check(pace_has_bound(pace, 3, NOW + PACE_BOUND_KEPT_MS - 1));
    check(!pace_has_bound(pace, 3, NOW + PACE_BOUND_KEPT_MS));
    check(!pace_has_bound(pace, 3, NOW - 1)); /* the clock was set back since */
    check(!pace_take(pace, 3, NOW, &state));
    check(state.wait_ms > 0);
    pace_set_bound(pace, 3, 2, NOW);
    check(pace_take(pace, 3, NOW, &state));
    pace_drop(pace);
}

TEST(test_pace__knows_as_many_tenants_as_there_is_room_for)
{
    struct pace *pace = pace_make();
    for (uint32_t tenant = 1; tenant <= PACE_TENANTS_MAX; tenant++)
        pace_set_bound(pace, tenant, 60, NOW);
    for (uint32_t tenant = 1; tenant <= PACE_TENANTS_MAX; tenant++)
        check(pace_has_bound(pace, tenant, NOW));
    pace_drop(pace);
}

/** Whether this one of the first tenants uses its bound up. Eight share the room that is looked
 *  through, and of them every other one does: at all places of it, as the numbers go on. */
static bool is_busy(uint32_t tenant)
{
    return (tenant + tenant / (PACE_TENANTS_MAX / 8)) % 2 == 0;
}

TEST(test_pace__forgets_the_emptiest_where_there_is_no_room)
{
    struct pace *pace = pace_make();
    struct pace_state state;
    for (uint32_t tenant = 1; tenant <= PACE_TENANTS_MAX; tenant++)
        for (uint32_t at = 0; at < (is_busy(tenant) ? 60 : 2); at++)
            check(take(pace, tenant, NOW, &state));
    /* More than there is room for: whoever used its bound up is not forgotten for them. */
    for (uint32_t tenant = PACE_TENANTS_MAX + 1; tenant < 3 * PACE_TENANTS_MAX; tenant++)
        check(take(pace, tenant, NOW, &state));
    for (uint32_t tenant = 1; tenant <= PACE_TENANTS_MAX; tenant++)
        if (is_busy(tenant)) check(!take(pace, tenant, NOW, &state));
    /* A clock that is set back frees nobody and shuts nobody out. */
    check(is_busy(2) && !take(pace, 2, NOW - 5000, &state));
    check(take(pace, 2, NOW, &state));
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
