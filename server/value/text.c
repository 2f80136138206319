#include "value/text.h"

#include <stdckdint.h>

#include "base/limits.h"
#include "base/require.h"

constexpr int32_t MONTHS = 12;
constexpr int64_t MS_PER_SECOND = 1000;
constexpr int32_t DAYS_PER_ERA = 146'097; /** 400 years */
constexpr int32_t YEARS_PER_ERA = 400;
/** From 0000-03-01, where eras begin (after a leap day), to 1970-01-01. */
constexpr int32_t EPOCH_DAY = 719'468;
constexpr size_t FRACTION_DIGITS_MAX = 9;
constexpr uint8_t SCALE_MAX = 18; /** 10^18 still fits 64 bits */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/** Exactly `count` digits. */
static bool digits_next(struct cursor *cursor, size_t count, int32_t *number_out)
{
    if (cursor_left(cursor) < count) return false;
    int32_t number = 0;
    for (size_t at = 0; at < count; at++) {
        if (!is_digit(cursor->at[at])) return false;
        number = number * 10 + (cursor->at[at] - '0');
    }
    cursor->at += count;
    *number_out = number;
    return true;
}

/** One of the bytes of `choice`. */
static bool byte_next(struct cursor *cursor, str choice, char *byte_out)
{
    if (cursor_left(cursor) == 0 || str_find_byte(choice, *cursor->at) == SIZE_MAX) return false;
    *byte_out = *cursor->at++;
    return true;
}

static bool byte_skip(struct cursor *cursor, str choice)
{
    char byte;
    return byte_next(cursor, choice, &byte);
}

static bool is_leap_year(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int32_t month_days(int32_t year, int32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap_year(year) ? 1 : 0);
}

/* Both conversions count years from March, so that the leap day is the last of its year
 * (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */

int32_t days_of_date(struct date date)
{
    int32_t year = date.month <= 2 ? date.year - 1 : date.year;
    int32_t month = date.month <= 2 ? date.month + 9 : date.month - 3;
    int32_t era = (year >= 0 ? year : year - (YEARS_PER_ERA - 1)) / YEARS_PER_ERA;
    int32_t year_of_era = year - era * YEARS_PER_ERA;
    int32_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - EPOCH_DAY;
}

struct date date_of_days(int32_t days)
{
    int32_t shifted = days + EPOCH_DAY;
    int32_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int32_t day_of_era = shifted - era * DAYS_PER_ERA;
    int32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    int32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int32_t month = (5 * day_of_year + 2) / 153;
    int32_t year = year_of_era + era * YEARS_PER_ERA;
    return (struct date){
        .year = month >= 10 ? year + 1 : year,
        .month = month >= 10 ? month - 9 : month + 3,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
    };
}

static bool date_next(struct cursor *cursor, int32_t *days_out)
{
    struct date date;
    bool is_shaped = digits_next(cursor, 4, &date.year) && byte_skip(cursor, S("-")) &&
                     digits_next(cursor, 2, &date.month) && byte_skip(cursor, S("-")) &&
                     digits_next(cursor, 2, &date.day);
    if (!is_shaped) return false;
    if (date.year < 1 || date.month < 1 || date.month > MONTHS) return false;
    if (date.day < 1 || date.day > month_days(date.year, date.month)) return false;
    *days_out = days_of_date(date);
    return true;
}

bool date_parse(str text, int32_t *days_out)
{
    struct cursor cursor = cursor_of(text);
    int32_t days;
    if (!date_next(&cursor, &days) || cursor_left(&cursor) > 0) return false;
    *days_out = days;
    return true;
}

/** The last `count` digits of a number. */
static char *digits_put(char *at, int32_t number, size_t count)
{
    for (size_t digit = count; digit > 0; digit--) {
        at[digit - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + count;
}

static char *date_put(char *at, int32_t days)
{
    struct date date = date_of_days(days);
    at = digits_put(at, date.year, 4);
    *at++ = '-';
    at = digits_put(at, date.month, 2);
    *at++ = '-';
    return digits_put(at, date.day, 2);
}

static int32_t days_bound(int64_t days)
{
    return days < DATE_DAYS_MIN   ? DATE_DAYS_MIN
           : days > DATE_DAYS_MAX ? DATE_DAYS_MAX
                                  : (int32_t)days;
}

void date_write(struct buf *out, int32_t days)
{
    char text[sizeof "YYYY-MM-DD" - 1];
    char *end = date_put(text, days_bound(days));
    require(end == text + sizeof text);
    buf_put(out, (str){text, sizeof text});
}

/** The fraction of a second behind the point, cut to milliseconds. */
static bool fraction_next(struct cursor *cursor, int64_t *ms_out)
{
    int64_t ms = 0;
    int64_t worth = 100;
    size_t count = 0;
    for (; cursor_left(cursor) > 0 && is_digit(*cursor->at); cursor->at++, count++) {
        ms += worth * (*cursor->at - '0');
        worth /= 10;
    }
    *ms_out = ms;
    return count > 0 && count <= FRACTION_DIGITS_MAX;
}

/** `Z` or the hours and minutes by which local time is ahead of UTC. */
static bool offset_next(struct cursor *cursor, int64_t *minutes_out)
{
    char sign;
    *minutes_out = 0;
    if (byte_skip(cursor, S("Zz"))) return true;
    int32_t hours, minutes;
    bool is_shaped = byte_next(cursor, S("+-"), &sign) && digits_next(cursor, 2, &hours) &&
                     byte_skip(cursor, S(":")) && digits_next(cursor, 2, &minutes);
    if (!is_shaped || hours > 23 || minutes > 59) return false;
    *minutes_out = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

/** What stands behind the date, as milliseconds from its midnight, UTC. */
static bool clock_next(struct cursor *cursor, int64_t *ms_out)
{
    int32_t hour, minute, second;
    bool is_shaped = byte_skip(cursor, S("Tt ")) && digits_next(cursor, 2, &hour) &&
                     byte_skip(cursor, S(":")) && digits_next(cursor, 2, &minute) &&
                     byte_skip(cursor, S(":")) && digits_next(cursor, 2, &second);
    if (!is_shaped || hour > 23 || minute > 59 || second > 60) return false;
    int64_t fraction_ms = 0;
    if (byte_skip(cursor, S(".")) && !fraction_next(cursor, &fraction_ms)) return false;
    int64_t ahead_minutes;
    if (!offset_next(cursor, &ahead_minutes)) return false;
    int64_t minutes = hour * 60 + minute - ahead_minutes;
    /* A leap second ends a day of UTC, wherever it is told; here it is the first second of the
     * next day. */
    int64_t minutes_per_day = 24 * 60;
    bool ends_day = (minutes + minutes_per_day) % minutes_per_day == minutes_per_day - 1;
    if (second == 60 && !ends_day) return false;
    *ms_out = (minutes * 60 + second) * MS_PER_SECOND + fraction_ms;
    return true;
}

bool time_parse(str text, int64_t *ms_out)
{
    struct cursor cursor = cursor_of(text);
    int32_t days;
    int64_t clock_ms = 0;
    if (!date_next(&cursor, &days)) return false;
    if (cursor_left(&cursor) > 0 && !clock_next(&cursor, &clock_ms)) return false;
    if (cursor_left(&cursor) > 0) return false;
    int64_t ms = days * DAY_MS + clock_ms;
    /* An offset may carry the first and last day out of the years that can be written. */
    if (ms < DATE_DAYS_MIN * DAY_MS || ms >= (DATE_DAYS_MAX + 1) * DAY_MS) return false;
    *ms_out = ms;
    return true;
}

void time_write(struct buf *out, int64_t ms)
{
    constexpr int64_t ms_min = DATE_DAYS_MIN * DAY_MS;
    constexpr int64_t ms_max = (DATE_DAYS_MAX + 1) * DAY_MS - 1;
    int64_t bound = ms < ms_min ? ms_min : ms > ms_max ? ms_max : ms;
    int64_t day_ms = bound % DAY_MS;
    if (day_ms < 0) day_ms += DAY_MS;
    int32_t days = (int32_t)((bound - day_ms) / DAY_MS);
    int32_t rest_ms = (int32_t)day_ms;
    char text[sizeof "YYYY-MM-DDTHH:MM:SS.mmmZ" - 1];
    char *at = date_put(text, days);
    *at++ = 'T';
    at = digits_put(at, rest_ms / 3'600'000, 2);
    *at++ = ':';
    at = digits_put(at, rest_ms / 60'000 % 60, 2);
    *at++ = ':';
    at = digits_put(at, rest_ms / 1000 % 60, 2);
    *at++ = '.';
    at = digits_put(at, rest_ms % 1000, 3);
    *at++ = 'Z';
    require(at == text + sizeof text);
    buf_put(out, (str){text, sizeof text});
}

/** Appends the digits at the cursor to `units`, on the side of its sign, so that INT64_MIN is
 *  reached. */
static bool units_next(struct cursor *cursor, bool is_negative, int64_t *units, size_t *count_out)
{
    *count_out = 0;
    for (; cursor_left(cursor) > 0 && is_digit(*cursor->at); cursor->at++, ++*count_out) {
        int digit = *cursor->at - '0';
        if (ckd_mul(units, *units, 10)) return false;
        if (is_negative ? ckd_sub(units, *units, digit) : ckd_add(units, *units, digit))
            return false;
    }
    return true;
}

bool decimal_parse(str text, uint8_t scale, int64_t *units_out)
{
    require(scale <= SCALE_MAX);
    struct cursor cursor = cursor_of(text);
    char sign = '+';
    (void)byte_next(&cursor, S("+-"), &sign);
    bool is_negative = sign == '-';
    int64_t units = 0;
    size_t whole_count;
    size_t fraction_count = 0;
    if (!units_next(&cursor, is_negative, &units, &whole_count)) return false;
    bool has_point = byte_skip(&cursor, S("."));
    if (has_point && !units_next(&cursor, is_negative, &units, &fraction_count)) return false;
    if (cursor_left(&cursor) > 0 || whole_count + fraction_count == 0) return false;
    if ((has_point && fraction_count == 0) || fraction_count > scale) return false;
    for (size_t missing = scale - fraction_count; missing > 0; missing--)
        if (ckd_mul(&units, units, 10)) return false;
    *units_out = units;
    return true;
}

void decimal_write(struct buf *out, int64_t units, uint8_t scale)
{
    require(scale <= SCALE_MAX);
    char text[24]; /* A sign, 19 digits, a point, and a 0 before it. */
    char *end = text + sizeof text;
    char *at = end;
    uint64_t rest = units < 0 ? -(uint64_t)units : (uint64_t)units;
    for (size_t digit = 0; rest > 0 || digit <= scale; digit++) {
        if (digit == scale && scale > 0) *--at = '.';
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (units < 0) *--at = '-';
    buf_put(out, str_between(at, end));
}

/* ISO 4217, sorted. Funds and metals without minor units (XDR, XAU) and the two with four (CLF,
 * UYW) are not money here; ANG and BGN are replaced but stand on papers that are still open. */

// clang-format off
static const char currencies_0[][4] = {
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
    "VUV", "XAF", "XOF", "XPF",
};
static const char currencies_2[][4] = {
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT",
    "BGN", "BMD", "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF",
    "CHE", "CHF", "CHW", "CNY", "COP", "COU", "CRC", "CUP", "CVE", "CZK", "DKK", "DOP", "DZD",
    "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD",
    "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW",
    "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT",
    "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK",
    "NPR", "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR",
    "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP",
    "SZL", "THB", "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "USN", "UYU",
    "UZS", "VED", "VES", "WST", "XAD", "XCD", "XCG", "YER", "ZAR", "ZMW", "ZWG",
};
static const char currencies_3[][4] = {
    "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND",
};
// clang-format on

static bool currency_is_of(const char (*sorted)[4], size_t count, str code)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(code.at, sorted[middle], 3);
        if (order == 0) return true;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return false;
}

bool currency_scale(str code, uint8_t *scale_out)
{
    if (code.len != 3) return false;
    if (currency_is_of(currencies_2, sizeof currencies_2 / sizeof currencies_2[0], code))
        *scale_out = 2;
    else if (currency_is_of(currencies_0, sizeof currencies_0 / sizeof currencies_0[0], code))
        *scale_out = 0;
    else if (currency_is_of(currencies_3, sizeof currencies_3 / sizeof currencies_3[0], code))
        *scale_out = 3;
    else return false;
    return true;
}
