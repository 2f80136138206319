/* The share of computing time of each tenant. */
#include "rules/share.h"

#include "base/limits.h"
#include "test.h"

constexpr int64_t SECOND = 1'000'000'000;
constexpr int64_t BOUND_MS = RULE_SHARE_MS_A_MINUTE;
constexpr int64_t ALL_US = BOUND_MS * 1000;

TEST(test_share__is_spent_and_runs_off)
{
    struct shares *shares = memory_take(sizeof *shares);
    int64_t now = 5 * SECOND;
    check_int(shares_wait_ms(shares, 7, 0, BOUND_MS, now), 0);
    shares_spend(shares, 7, 0, true, ALL_US - 1000, now);
    check_int(shares_wait_ms(shares, 7, 0, BOUND_MS, now), 0);
    shares_spend(shares, 7, 0, true, 1000, now);
    int64_t wait_ms = shares_wait_ms(shares, 7, 0, BOUND_MS, now);
    check(wait_ms > 0);
    /* When that has passed a whole run may be spent again. */
    now += wait_ms * 1'000'000;
    check_int(shares_wait_ms(shares, 7, 0, BOUND_MS, now), 0);
    check(shares_level_us(shares, 7, now) <= ALL_US - RULE_CPU_MS_MAX * 1000);
    /* After a minute nothing is left of it. */
    check_int(shares_level_us(shares, 7, now + 60 * SECOND), 0);
    memory_give(shares);
}

TEST(test_share__is_each_tenants_and_each_uses_own)
{
    struct shares *shares = memory_take(sizeof *shares);
    shares_spend(shares, 7, 0, true, ALL_US, SECOND);
    check(shares_wait_ms(shares, 7, 0, BOUND_MS, SECOND) > 0);
    check_int(shares_wait_ms(shares, 7, 1, BOUND_MS, SECOND), 0);
    check_int(shares_wait_ms(shares, 8, 0, BOUND_MS, SECOND), 0);
    check_int(shares_level_us(shares, 7, SECOND), TURN_LEVEL_US_MAX);
    check_int(shares_level_us(shares, 8, SECOND), 0);
    memory_give(shares);
}

TEST(test_share__counts_formulas_for_turns_alone)
{
    struct shares *shares = memory_take(sizeof *shares);
    shares_spend(shares, 7, 0, false, 2 * ALL_US, SECOND);
    check_int(shares_wait_ms(shares, 7, 0, BOUND_MS, SECOND), 0);
    check_int(shares_level_us(shares, 7, SECOND), TURN_LEVEL_US_MAX);
    memory_give(shares);
}

TEST(test_share__keeps_who_spent_most)
{
    /* Far more tenants than there is room for, each a little; one of them all it may. */
    struct shares *shares = memory_take(sizeof *shares);
    shares_spend(shares, 7, 0, true, ALL_US, SECOND);
    for (uint32_t tenant = 1000; tenant < 1000 + 10 * SHARES_MAX; tenant++)
        shares_spend(shares, tenant, 0, true, 1000, SECOND);
    check(shares_wait_ms(shares, 7, 0, BOUND_MS, SECOND) > 0);
    memory_give(shares);
}

TEST(test_share__runs_off_by_the_tenants_own_bound)
{
    struct shares *shares = memory_take(sizeof *shares);
    constexpr int64_t own_ms = 1000;
    int64_t now = 5 * SECOND;
    check(shares_wait_ms(shares, 7, 0, 0, now) > 0);
    check_int(shares_wait_ms(shares, 7, 0, own_ms, now), 0);
    shares_spend(shares, 7, 0, true, own_ms * 1000, now);
    check_int(shares_rules_us(shares, 7, 0, now + 30 * SECOND), own_ms * 500);
    int64_t wait_ms = shares_wait_ms(shares, 7, 0, own_ms, now);
    check(wait_ms > 0 && wait_ms <= 60'000);
    check_int(shares_wait_ms(shares, 7, 0, own_ms, now + wait_ms * 1'000'000), 0);
    check_int(shares_rules_us(shares, 7, 0, now + 61 * SECOND), 0);
    check_int(shares_wait_ms(shares, 7, 0, BOUND_MS, now), 0);
    /* Whoever spent much under a higher bound waits no longer than a minute under a lower one. */
    shares_spend(shares, 8, 0, true, ALL_US, now);
    wait_ms = shares_wait_ms(shares, 8, 0, 1, now);
    check(wait_ms > 0 && wait_ms <= 60'001);
    check_int(shares_rules_us(shares, 8, 0, now), 1000);
    memory_give(shares);
}
