/* Dates and times by a form such as %d.%m.%Y, there and back. English, whatever the locale. */
#include <stdio.h>

#include "base/limits.h"
#include "base/require.h"
#include "library_date.h"

constexpr size_t FORM_BYTES_MAX = 200;
constexpr int32_t CENTURY_FROM =
    69; /** of years with two digits: 69 is 1969, 68 is 2068, as C does */

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

/** A text argument that is a form. */
static str form_of(lua_State *state, int at)
{
    str form = text_of(state, at);
    luaL_argcheck(state, form.len <= FORM_BYTES_MAX, at, "is a form of more than 200 bytes");
    return form;
}

[[noreturn]] static void refuse_sign(lua_State *state, char sign)
{
    char shown[2] = {sign >= ' ' && sign < 0x7F ? sign : '?', 0};
    luaL_error(state,
               "a form knows %%d %%e %%m %%Y %%y %%B %%b %%A %%a %%j %%H %%M %%S and %%%%, "
               "not %%%s",
               shown);
    require(false);
}

/** What a sign for a number shows; -1: it is none. With so many digits at least. */
static int64_t number_of(const struct moment *moment, const struct date *date, char sign,
                         int *digits_out)
{
    struct date new_year = {date->year, 1, 1};
    *digits_out = sign == 'e' ? 1 : sign == 'Y' ? 4 : sign == 'j' ? 3 : 2;
    switch (sign) {
    case 'd':
    case 'e':
        return date->day;
    case 'm':
        return date->month;
    case 'Y':
        return date->year;
    case 'y':
        return date->year % 100;
    case 'j':
        return moment->days - days_of_date(new_year) + 1;
    case 'H':
        return moment->ms / 3'600'000;
    case 'M':
        return moment->ms / 60'000 % 60;
    case 'S':
        return moment->ms / 1000 % 60;
    default:
        return -1;
    }
}

static void put_sign(struct making *making, const struct moment *moment, char sign)
{
    int digits;
    struct date date = date_of_days(moment->days);
    int64_t number = number_of(moment, &date, sign, &digits);
    bool is_month = sign == 'B' || sign == 'b', is_weekday = sign == 'A' || sign == 'a';
    if (number >= 0) {
        char shown[24];
        int len = snprintf(shown, sizeof shown, "%0*lld", digits, (long long)number);
        making_put(making, (str){shown, (size_t)len});
    } else if (is_month || is_weekday) {
        str word =
            str_of(is_month ? months[date.month - 1] : weekdays[weekday_of(moment->days) - 1]);
        making_put(making, sign == 'B' || sign == 'A' ? word : str_first(word, 3));
    } else if (sign == '%') {
        making_put_byte(making, '%');
    } else {
        refuse_sign(making->state, sign);
    }
}

int date_format(lua_State *state)
{
    struct making making;
    struct moment moment = moment_at(state, 1);
    str form = form_of(state, 2);
    making_begin(&making, state);
    budget_charge(state, form.len);
    for (size_t at = 0; at < form.len; at++) {
        bool is_sign = form.at[at] == '%';
        if (!is_sign) making_put_byte(&making, form.at[at]);
        else put_sign(&making, &moment, ++at < form.len ? form.at[at] : 0);
    }
    return making_push(&making);
}

/* Back. */

struct reading {
    lua_State *state;
    struct cursor text;
    int32_t year, month, day, hour, minute, second; /** -1: not read */
};

/** A number of at most so many digits. */
static bool read_number(struct cursor *text, size_t most, int32_t low, int32_t high,
                        int32_t *number_out)
{
    int32_t number = 0;
    size_t count = 0;
    for (; count < most && text->at < text->end && *text->at >= '0' && *text->at <= '9'; count++)
        number = number * 10 + (*text->at++ - '0');
    *number_out = number;
    return count > 0 && number >= low && number <= high;
}

/** One of these words, or its first three letters, in any case; which one. */
static bool read_word(struct cursor *text, const char *const *words, int32_t count,
                      int32_t *number_out)
{
    for (int32_t at = 0; at < count; at++) {
        str rest = str_between(text->at, text->end), word = str_of(words[at]);
        for (int part = 0; part < 2; part++, word = str_first(word, 3)) {
            if (rest.len < word.len || !str_eq_nocase(str_first(rest, word.len), word)) continue;
            text->at += word.len;
            *number_out = at + 1;
            return true;
        }
    }
    return false;
}

static bool read_sign(struct reading *reading, char sign)
{
    int32_t ignored;
    struct cursor *text = &reading->text;
    switch (sign) {
    case 'd':
    case 'e':
        return read_number(text, 2, 1, 31, &reading->day);
    case 'm':
        return read_number(text, 2, 1, 12, &reading->month);
    case 'Y':
        return read_number(text, 4, 1, 9999, &reading->year);
    case 'y':
        if (!read_number(text, 2, 0, 99, &reading->year)) return false;
        reading->year += reading->year >= CENTURY_FROM ? 1900 : 2000;
        return true;
    case 'B':
    case 'b':
        return read_word(text, months, 12, &reading->month);
    case 'A':
    case 'a':
        return read_word(text, weekdays, 7, &ignored);
    case 'H':
        return read_number(text, 2, 0, 23, &reading->hour);
    case 'M':
        return read_number(text, 2, 0, 59, &reading->minute);
    case 'S':
        return read_number(text, 2, 0, 59, &reading->second);
    case '%':
        return text->at < text->end && *text->at++ == '%';
    default:
        refuse_sign(reading->state, sign);
    }
}

static bool read_form(struct reading *reading, str form)
{
    for (size_t at = 0; at < form.len; at++) {
        if (form.at[at] == '%') {
            if (!read_sign(reading, ++at < form.len ? form.at[at] : 0)) return false;
        } else if (reading->text.at == reading->text.end || *reading->text.at++ != form.at[at]) {
            return false;
        }
    }
    return reading->text.at == reading->text.end;
}

int date_read(lua_State *state)
{
    int32_t days;
    str text = str_trim(text_of(state, 1));
    if (lua_isnoneornil(state, 2))
        return date_parse(text, &days) ? push_days(state, days) : push_nil(state);
    str form = form_of(state, 2);
    budget_charge(state, form.len);
    struct reading reading = {.state = state,
                              .text = cursor_of(text),
                              .year = -1,
                              .month = -1,
                              .day = -1,
                              .hour = -1,
                              .minute = -1,
                              .second = -1};
    if (!read_form(&reading, form)) return push_nil(state);
    if (reading.year < 0 || reading.month < 0 || reading.day < 0)
        return luaL_error(state, "date.parse needs a form with year, month and day");
    if (reading.day > month_days(reading.year, reading.month)) return push_nil(state);
    struct date date = {reading.year, reading.month, reading.day};
    if (reading.hour < 0) return push_days(state, days_of_date(date));
    int64_t seconds = reading.hour * 3600LL + (reading.minute > 0 ? reading.minute * 60LL : 0) +
                      (reading.second > 0 ? reading.second : 0);
    return push_time(state, days_of_date(date) * DAY_MS + seconds * 1000);
}
