#include "base/limits.h"
#include "test.h"

#include "base/random.h"
#include "value/text.h"

constexpr int32_t DAYS_FIRST = -719'162; /* 0001-01-01 */
constexpr int32_t DAYS_LAST = 2'932'896; /* 9999-12-31 */

static void date_is(const char *text, int32_t days)
{
    int32_t parsed;
    check(date_parse(str_of(text), &parsed));
    check_int(parsed, days);
}

TEST(test_text__reads_dates)
{
    date_is("1970-01-01", 0);
    date_is("1969-12-31", -1);
    date_is("2000-02-29", 11'016);
    date_is("2026-11-21", 20'778);
    date_is("0001-01-01", DAYS_FIRST);
    date_is("9999-12-31", DAYS_LAST);
}

TEST(test_text__refuses_days_that_do_not_exist)
{
    static const char *const texts[] = {
        "",           "2026",        "2026-11",     "2026-11-2",   "2026-1-21",  "2026-13-01",
        "2026-00-10", "2026-02-30",  "2025-02-29",  "1900-02-29",  "2026-04-31", "0000-01-01",
        "2026-11-00", "2026-11-21 ", " 2026-11-21", "2026/11/21",  "21.11.2026", "+2026-11-21",
        "-001-11-21", "20261121",    "2026-11-2x",  "2026-11-21T",
    };
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) {
        int32_t days;
        if (date_parse(str_of(texts[at]), &days)) test_failed(__FILE__, __LINE__, texts[at]);
    }
}

TEST(test_text__writes_days_so_that_they_read_back_and_sort)
{
    struct test_task test;
    test_task_init(&test);
    char before[11] = "";
    for (int32_t days = DAYS_FIRST; days <= DAYS_LAST; days += 3) {
        struct buf out = buf_make(&test.arena, 64);
        date_write(&out, days);
        int32_t parsed;
        check_int(out.len, 10);
        check(date_parse(buf_str(&out), &parsed));
        check_int(parsed, days);
        check(memcmp(before, out.at, 10) < 0);
        memcpy(before, out.at, 10);
        if (days % 1000 < 3) arena_clear(&test.arena);
    }
    test_task_drop(&test);
}

static void time_is(const char *text, int64_t ms)
{
    int64_t parsed;
    if (!time_parse(str_of(text), &parsed)) test_failed(__FILE__, __LINE__, text);
    check_int(parsed, ms);
}

TEST(test_text__reads_times)
{
    time_is("1970-01-01T00:00:00Z", 0);
    time_is("1970-01-01", 0);
    time_is("1970-01-02", DAY_MS);
    time_is("1970-01-01T00:00:00.123456789Z", 123);
    time_is("1970-01-01T00:00:00.9Z", 900);
    time_is("1970-01-01t00:00:00z", 0);
    time_is("1970-01-01 00:00:00Z", 0);
    time_is("1970-01-01T01:00:00+01:00", 0);
    time_is("1969-12-31T19:00:00-05:00", 0);
    time_is("1970-01-01T05:45:00+05:45", 0);
    time_is("1969-12-31T23:59:59.999Z", -1);
    time_is("2026-11-21T19:58:40.123Z", 1'795'291'120'123);
    time_is("2016-12-31T23:59:60Z", 1'483'228'800'000);
    time_is("2017-01-01T00:59:60+01:00", 1'483'228'800'000);
    time_is("0001-01-01T00:00:00Z", DAYS_FIRST * DAY_MS);
    time_is("9999-12-31T23:59:59.999Z", (DAYS_LAST + 1) * DAY_MS - 1);
}

TEST(test_text__refuses_times_that_are_none)
{
    static const char *const texts[] = {
        "1970-01-01T",
        "1970-01-01T00:00Z",
        "1970-01-01T00:00:00",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:61Z",
        "2016-12-31T23:58:60Z",
        "2016-12-31T12:00:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.1234567890Z",
        "1970-01-01T00:00:00,5Z",
        "1970-01-01T00:00:00+0100",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+01:60",
        "1970-01-01T00:00:00Z ",
        "1970-01-01x00:00:00Z",
        "1970-02-29T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
    };
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) {
        int64_t ms;
        if (time_parse(str_of(texts[at]), &ms)) test_failed(__FILE__, __LINE__, texts[at]);
    }
}

TEST(test_text__writes_times_so_that_they_read_back)
{
    struct test_task test;
    test_task_init(&test);
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    for (int round = 0; round < 20'000; round++) {
        uint64_t span = (uint64_t)(DAYS_LAST - DAYS_FIRST + 1) * DAY_MS;
        int64_t ms = (int64_t)(random_uint64() % span) + DAYS_FIRST * DAY_MS;
        struct buf out = buf_make(&test.arena, 64);
        time_write(&out, ms);
        int64_t parsed = 0;
        if (!time_parse(buf_str(&out), &parsed) || parsed != ms)
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        check_int(parsed, ms);
        check_int(out.len, 24);
    }
    random_seed(0);
    test_task_drop(&test);
}

TEST(test_text__writes_what_lies_outside_of_the_years_as_the_nearest)
{
    struct test_task test;
    test_task_init(&test);
    struct buf out = buf_make(&test.arena, 256);
    date_write(&out, INT32_MIN);
    date_write(&out, INT32_MAX);
    time_write(&out, INT64_MIN);
    time_write(&out, INT64_MAX);
    check_str(buf_str(&out),
              S("0001-01-019999-12-310001-01-01T00:00:00.000Z9999-12-31T23:59:59.999Z"));
    test_task_drop(&test);
}

static void decimal_is(const char *text, uint8_t scale, int64_t units)
{
    int64_t parsed;
    if (!decimal_parse(str_of(text), scale, &parsed)) test_failed(__FILE__, __LINE__, text);
    check_int(parsed, units);
}

TEST(test_text__reads_decimals)
{
    decimal_is("12.5", 2, 1250);
    decimal_is("12", 2, 1200);
    decimal_is("-12.34", 2, -1234);
    decimal_is("+1", 0, 1);
    decimal_is("0.001", 3, 1);
    decimal_is(".5", 1, 5);
    decimal_is("-0.00", 2, 0);
    decimal_is("007", 0, 7);
    decimal_is("9223372036854775807", 0, INT64_MAX);
    decimal_is("-9223372036854775808", 0, INT64_MIN);
    decimal_is("-92233720368547758.08", 2, INT64_MIN);
    decimal_is("9", 18, 9'000'000'000'000'000'000);
}

TEST(test_text__refuses_decimals_that_are_none_or_do_not_fit)
{
    static const struct {
        const char *text;
        uint8_t scale;
    } cases[] = {
        {"", 2},
        {".", 2},
        {"-", 2},
        {"1.", 2},
        {"1.234", 2},
        {"1.0", 0},
        {"1,5", 2},
        {"1e3", 2},
        {" 1", 2},
        {"1 ", 2},
        {"--1", 2},
        {"1.2.3", 2},
        {"0x10", 2},
        {"NaN", 2},
        {"9223372036854775808", 0},
        {"10", 18},
        {"92233720368547758.08", 2},
        {"-92233720368547758.09", 2},
        {"99999999999999999999999", 0},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        int64_t units;
        if (decimal_parse(str_of(cases[at].text), cases[at].scale, &units))
            test_failed(__FILE__, __LINE__, cases[at].text);
    }
}

TEST(test_text__writes_decimals)
{
    struct test_task test;
    test_task_init(&test);
    static const struct {
        int64_t units;
        uint8_t scale;
        const char *text;
    } cases[] = {
        {0, 0, "0"},
        {0, 2, "0.00"},
        {5, 2, "0.05"},
        {-5, 2, "-0.05"},
        {1250, 2, "12.50"},
        {1250, 0, "1250"},
        {-1, 18, "-0.000000000000000001"},
        {INT64_MAX, 0, "9223372036854775807"},
        {INT64_MIN, 0, "-9223372036854775808"},
        {INT64_MIN, 18, "-9.223372036854775808"},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        struct buf out = buf_make(&test.arena, 64);
        decimal_write(&out, cases[at].units, cases[at].scale);
        check_str(buf_str(&out), str_of(cases[at].text));
    }
    test_task_drop(&test);
}

TEST(test_text__reads_back_each_decimal_it_writes)
{
    struct test_task test;
    test_task_init(&test);
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    for (int round = 0; round < 20'000; round++) {
        int64_t units = (int64_t)(random_uint64() >> random_uint64() % 64);
        if (random_uint64() % 2 == 0) units = (int64_t) - (uint64_t)units;
        uint8_t scale = (uint8_t)(random_uint64() % 19);
        struct buf out = buf_make(&test.arena, 64);
        decimal_write(&out, units, scale);
        int64_t parsed = 0;
        if (!decimal_parse(buf_str(&out), scale, &parsed) || parsed != units)
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        check_int(parsed, units);
    }
    random_seed(0);
    test_task_drop(&test);
}

static void currency_is(const char *code, int scale)
{
    uint8_t found = 99;
    bool is_known = currency_scale(str_of(code), &found);
    if (is_known != (scale >= 0)) test_failed(__FILE__, __LINE__, code);
    if (is_known) check_int(found, scale);
}

TEST(test_text__knows_currencies)
{
    currency_is("EUR", 2);
    currency_is("USD", 2);
    currency_is("AED", 2);
    currency_is("ZWG", 2);
    currency_is("JPY", 0);
    currency_is("BIF", 0);
    currency_is("XPF", 0);
    currency_is("KWD", 3);
    currency_is("BHD", 3);
    currency_is("TND", 3);
    currency_is("CLF", -1);
    currency_is("XAU", -1);
    currency_is("DEM", -1);
    currency_is("eur", -1);
    currency_is("EU", -1);
    currency_is("EURO", -1);
    currency_is("", -1);
}

TEST(test_text__knows_each_currency_of_the_list)
{
    /* Every code there can be, so that a table that is not sorted loses some. */
    size_t counts[4] = {};
    for (int number = 0; number < 26 * 26 * 26; number++) {
        const char code[3] = {(char)('A' + number / 676), (char)('A' + number / 26 % 26),
                              (char)('A' + number % 26)};
        uint8_t scale;
        if (currency_scale((str){code, 3}, &scale)) counts[scale]++;
    }
    check_int(counts[0], 17);
    check_int(counts[1], 0);
    check_int(counts[2], 141);
    check_int(counts[3], 7);
}
