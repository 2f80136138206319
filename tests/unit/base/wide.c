#include "base/wide.h"

#include "base/random.h"
#include "test.h"

TEST(test_wide__divides_toward_zero_with_a_rest)
{
    int64_t rest;
    check(wide_divide(7'000'001, 1'000'000, &rest) == 7);
    check_int(rest, 1);
    check(wide_divide(-7'000'001, 1'000'000, &rest) == -7);
    check_int(rest, -1);
    check(wide_divide(-999'999, 1'000'000, &rest) == 0);
    check_int(rest, -999'999);
}

TEST(test_wide__puts_together_what_it_took_apart)
{
    for (int at = 0; at < 10'000; at++) {
        int64_t number, rest;
        uint32_t by, part;
        random_fill(&number, sizeof number);
        random_fill(&by, sizeof by);
        random_fill(&part, sizeof part);
        by |= 1;
        part %= by;
        wide product = wide_product(number, (int64_t)by);
        wide sum = number < 0 ? product - part : product + part;
        check(wide_divide(sum, by, &rest) == number);
        check_int(rest, number < 0 ? -(int64_t)part : (int64_t)part);
    }
}

TEST(test_wide__is_shown_as_the_nearest_float)
{
    check(wide_ratio(100'000, 1'000'000) == 0.1);
    check(wide_ratio(-12'345'678'900'000, 1'000'000) == -12'345'678.9);
    check(wide_ratio(wide_product(INT64_MAX, 1'000'000), 1'000'000) == 9223372036854775807.0);
    check(wide_ratio(wide_product(INT64_MIN, 4'000'000), 1'000'000) == -36893488147419103232.0);
}
