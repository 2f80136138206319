#include "work/rule_clock.h"

#include "base/limits.h"
#include "test.h"

constexpr int64_t MINUTE_MS = 60'000;
constexpr int64_t NOVEMBER_22_MS = 1'795'305'600'000; /** 2026-11-22, a Sunday */

TEST(test_rule_clock__one_that_never_ran_is_due)
{
    const str words[] = {S("hour"), S("day"), S("week"), S("month")};
    for (size_t at = 0; at < 4; at++) check(rule_is_due(words[at], 0, NOVEMBER_22_MS));
    check(!rule_is_due(S(""), 0, NOVEMBER_22_MS));
    check(!rule_is_due(S("year"), 0, NOVEMBER_22_MS));
}

TEST(test_rule_clock__is_due_once_in_each_hour_and_day)
{
    int64_t ran_ms = NOVEMBER_22_MS + 59 * MINUTE_MS;
    check(!rule_is_due(S("hour"), ran_ms, ran_ms));
    check(rule_is_due(S("hour"), ran_ms, ran_ms + MINUTE_MS));
    check(!rule_is_due(S("day"), ran_ms, NOVEMBER_22_MS + DAY_MS - 1));
    check(rule_is_due(S("day"), ran_ms, NOVEMBER_22_MS + DAY_MS));
    check(rule_is_due(S("day"), ran_ms, NOVEMBER_22_MS + 900 * DAY_MS));
}

TEST(test_rule_clock__weeks_begin_on_monday)
{
    int64_t saturday_ms = NOVEMBER_22_MS - DAY_MS, monday_ms = NOVEMBER_22_MS + DAY_MS;
    check(!rule_is_due(S("week"), saturday_ms, NOVEMBER_22_MS));
    check(!rule_is_due(S("week"), saturday_ms, monday_ms - 1));
    check(rule_is_due(S("week"), saturday_ms, monday_ms));
    check(rule_is_due(S("week"), NOVEMBER_22_MS, monday_ms));
    check(!rule_is_due(S("week"), monday_ms, monday_ms + 6 * DAY_MS));
}

TEST(test_rule_clock__months_are_those_of_the_calendar)
{
    int64_t december_ms = NOVEMBER_22_MS + 9 * DAY_MS, january_ms = december_ms + 31 * DAY_MS;
    check(!rule_is_due(S("month"), NOVEMBER_22_MS, december_ms - 1));
    check(rule_is_due(S("month"), NOVEMBER_22_MS, december_ms));
    check(!rule_is_due(S("month"), december_ms, january_ms - 1));
    check(rule_is_due(S("month"), december_ms, january_ms));
    int64_t february_ms = january_ms + 31 * DAY_MS, march_ms = february_ms + 28 * DAY_MS;
    check(!rule_is_due(S("month"), february_ms, march_ms - 1));
    check(rule_is_due(S("month"), february_ms, march_ms));
    /* 2028 has a 29th of February. */
    int64_t february_2028_ms = february_ms + 365 * DAY_MS;
    check(!rule_is_due(S("month"), february_2028_ms, february_2028_ms + 29 * DAY_MS - 1));
    check(rule_is_due(S("month"), february_2028_ms, february_2028_ms + 29 * DAY_MS));
}

TEST(test_rule_clock__a_clock_that_went_back_makes_nothing_due)
{
    check(!rule_is_due(S("hour"), NOVEMBER_22_MS, NOVEMBER_22_MS - DAY_MS));
    check(!rule_is_due(S("month"), NOVEMBER_22_MS, NOVEMBER_22_MS - 60 * DAY_MS));
}
