/* Dates against counting on fingers: every day there is, and random ones for what moves. */
#include <time.h>

#include "base/random.h"
#include "script.h"
#include "value/text.h"

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int last_day(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

TEST(test_dates__every_day_is_itself)
{
    int32_t days = DATE_DAYS_MIN;
    for (int year = 1; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            check_int(month_days(year, month), last_day(year, month));
            for (int day = 1; day <= last_day(year, month); day++, days++) {
                struct date date = date_of_days(days);
                check(date.year == year && date.month == month && date.day == day);
                check_int(days_of_date(date), days);
            }
        }
    }
    check_int(days, DATE_DAYS_MAX + 1);
}

/** A source run with some numbers in it. */
[[gnu::format(printf, 2, 3)]] static void check_script(const char *should, const char *form, ...)
{
    char source[1024];
    va_list numbers;
    va_start(numbers, form);
    (void)vsnprintf(source, sizeof source, form, numbers);
    va_end(numbers);
    struct script script = script_of(source);
    if (strcmp(script.said, should) == 0) return;
    fprintf(stderr, "%s\n gives %s, not %s\n", source, script.said, should);
    check(false);
}

static void shown(int32_t days, char text[16])
{
    struct date date = date_of_days(days);
    (void)snprintf(text, 16, "%04d-%02d-%02d", date.year, date.month, date.day);
}

static void begin(void)
{
    const char *given = getenv("SEED");
    uint64_t seed = given != nullptr ? strtoull(given, nullptr, 10) : random_uint64();
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    random_seed(seed);
}

/** Days from 1900 to 2100. */
static int32_t random_day(void)
{
    return (int32_t)(random_uint64() % 73'000) - 25'567;
}

static bool is_business(int32_t day, const int32_t *holidays, int count)
{
    /* C's own calendar, not ours. */
    time_t seconds = day * (time_t)86'400;
    struct tm parts = {};
    check(gmtime_r(&seconds, &parts) != nullptr);
    for (int at = 0; at < count; at++)
        if (holidays[at] == day) return false;
    return parts.tm_wday != 0 && parts.tm_wday != 6;
}

TEST(test_dates__business_days_are_counted_one_by_one)
{
    begin();
    for (int round = 0; round < 300; round++) {
        int32_t from = random_day(), to = from + (int32_t)(random_uint64() % 401) - 200;
        int32_t holidays[3] = {from + 3, to, from - 9}, step = to >= from ? 1 : -1, count = 0;
        char from_text[16], to_text[16], free_text[3][16], should[16];
        shown(from, from_text);
        shown(to, to_text);
        for (int at = 0; at < 3; at++) shown(holidays[at], free_text[at]);
        for (int32_t day = from; day != to;) {
            day += step;
            count += is_business(day, holidays, 3);
        }
        (void)snprintf(should, sizeof should, "%d", step * count);
        check_script(should, "return date.business_days_between('%s', '%s', {'%s', '%s', '%s'})",
                     from_text, to_text, free_text[0], free_text[1], free_text[2]);
        int32_t day = from, left = count;
        while (left > 0) {
            day += step;
            left -= is_business(day, holidays, 3);
        }
        shown(day, should);
        check_script(should, "return date.business_days('%s', %d, {'%s', '%s', '%s'})", from_text,
                     step * count, free_text[0], free_text[1], free_text[2]);
    }
}

TEST(test_dates__months_and_years_end_where_months_end)
{
    begin();
    for (int round = 0; round < 300; round++) {
        int32_t from = random_day(), months = (int32_t)(random_uint64() % 1201) - 600;
        struct date date = date_of_days(from);
        int year = date.year, month = date.month;
        char from_text[16], should[16];
        shown(from, from_text);
        for (int left = months; left != 0; left += left < 0 ? 1 : -1) {
            month += left < 0 ? -1 : 1;
            if (month == 0) year--, month = 12;
            if (month == 13) year++, month = 1;
        }
        int day = date.day < last_day(year, month) ? date.day : last_day(year, month);
        (void)snprintf(should, sizeof should, "%04d-%02d-%02d", year, month, day);
        check_script(should, "return date.add('%s', {months = %d})", from_text, months);
        check_script(should, "return date.add('%s', {years = %d, months = %d})", from_text,
                     months / 12, months % 12);
        (void)snprintf(should, sizeof should, "%d", months);
        check_script(should, "return date.months('%s', date.add('%s', {months = %d}))%s", from_text,
                     from_text, months, "");
    }
}
