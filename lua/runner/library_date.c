#include "library_date.h"

#include <math.h>

#include "base/limits.h"
#include "base/require.h"
#include "key_order.h"

constexpr uint64_t FUEL_A_DATE = 10; /** read from its text */
constexpr int64_t MS_PER_MINUTE = 60'000;
constexpr lua_Integer AMOUNT_MAX = 10'000'000; /** of any unit; more leaves the years there are */

struct moment moment_at(lua_State *state, int at)
{
    struct moment moment = {};
    int64_t ms;
    str text = text_of(state, at);
    budget_charge(state, FUEL_A_DATE);
    if (date_parse(text, &moment.days)) return moment;
    luaL_argcheck(state, time_parse(text, &ms), at,
                  "is no date such as 2026-01-31, nor a time such as 2026-01-31T10:00:00Z");
    moment.is_time = true;
    moment.ms = ms % DAY_MS < 0 ? ms % DAY_MS + DAY_MS : ms % DAY_MS;
    moment.days = (int32_t)((ms - moment.ms) / DAY_MS);
    return moment;
}

int32_t days_at(lua_State *state, int at)
{
    return moment_at(state, at).days;
}

struct date date_at(lua_State *state, int at)
{
    return date_of_days(days_at(state, at));
}

int push_days(lua_State *state, int64_t days)
{
    bool is_year = days >= DATE_DAYS_MIN && days <= DATE_DAYS_MAX;
    if (!is_year) return luaL_error(state, "the date is out of range: years go from 1 to 9999");
    struct buf out = buf_make(scratch_arena(), 16);
    date_write(&out, (int32_t)days);
    return push_text(state, buf_str(&out));
}

int push_time(lua_State *state, int64_t ms)
{
    bool is_year = ms >= DATE_DAYS_MIN * DAY_MS && ms < (DATE_DAYS_MAX + 1) * DAY_MS;
    if (!is_year) return luaL_error(state, "the time is out of range: years go from 1 to 9999");
    struct buf out = buf_make(scratch_arena(), 32);
    time_write(&out, ms);
    return push_text(state, buf_str(&out));
}

int32_t weekday_of(int32_t days)
{
    /* 1970-01-01 was a Thursday. */
    int32_t shifted = (days + 3) % 7;
    return (shifted < 0 ? shifted + 7 : shifted) + 1;
}

/* Adding. */

struct adding {
    int64_t years, months, weeks, days, hours, minutes;
};

static const struct {
    const char *name;
    size_t at; /** in struct adding */
} units[] = {
    {"years", offsetof(struct adding, years)}, {"months", offsetof(struct adding, months)},
    {"weeks", offsetof(struct adding, weeks)}, {"days", offsetof(struct adding, days)},
    {"hours", offsetof(struct adding, hours)}, {"minutes", offsetof(struct adding, minutes)},
};
constexpr uint32_t UNIT_COUNT = sizeof units / sizeof *units;

/** The place of the amount that the key on `at` names. */
static int64_t *amount_of(lua_State *state, struct adding *adding, int at)
{
    const char *name = lua_type(state, at) == LUA_TSTRING ? lua_tostring(state, at) : "";
    for (uint32_t of = 0; of < UNIT_COUNT; of++)
        if (str_eq(str_of(units[of].name), str_of(name)))
            return (int64_t *)((char *)adding + units[of].at);
    luaL_error(state, "date.add knows years, months, weeks, days, hours and minutes, not `%s`",
               name);
    require(false);
}

/** The amounts in a table, or a number of days. */
static struct adding read_amounts(lua_State *state, int at)
{
    struct adding adding = {};
    if (lua_type(state, at) == LUA_TNUMBER) {
        adding.days = luaL_checkinteger(state, at);
        luaL_argcheck(state, adding.days >= -AMOUNT_MAX && adding.days <= AMOUNT_MAX, at,
                      "is too many days");
        return adding;
    }
    luaL_checktype(state, at, LUA_TTABLE);
    lua_pushnil(state);
    /* In order, so that always the same of two mistakes is told. */
    while (key_order_next(state, at)) {
        int is_whole;
        int64_t *amount = amount_of(state, &adding, -1);
        lua_pushvalue(state, -1);
        lua_rawget(state, at);
        *amount = lua_tointegerx(state, -1, &is_whole);
        if (is_whole == 0 || *amount < -AMOUNT_MAX || *amount > AMOUNT_MAX)
            luaL_error(state, "date.add takes whole numbers up to 10000000, not in `%s`",
                       lua_tostring(state, -2));
        lua_pop(state, 1);
    }
    return adding;
}

/** The same day so many months on, or the last of a shorter month. */
static int64_t days_after_months(lua_State *state, int32_t days, int64_t more)
{
    struct date date = date_of_days(days);
    int64_t months = date.year * 12LL + date.month - 1 + more;
    if (months < 12 || months >= 120'000)
        luaL_error(state, "the date is out of range: years go from 1 to 9999");
    date.year = (int32_t)(months / 12);
    date.month = (int32_t)(months % 12) + 1;
    int32_t most = month_days(date.year, date.month);
    if (date.day > most) date.day = most;
    return days_of_date(date);
}

static int date_add(lua_State *state)
{
    struct moment from = moment_at(state, 1);
    struct adding adding = read_amounts(state, 2);
    int64_t days = days_after_months(state, from.days, adding.years * 12 + adding.months);
    days += adding.weeks * 7 + adding.days;
    if (!from.is_time) {
        bool is_clock = adding.hours != 0 || adding.minutes != 0;
        luaL_argcheck(state, !is_clock, 1, "is a date: hours can be added to a time only");
        return push_days(state, days);
    }
    return push_time(state, days * DAY_MS + from.ms + adding.hours * HOUR_MS +
                                adding.minutes * MS_PER_MINUTE);
}

int date_add_months(lua_State *state)
{
    struct moment from = moment_at(state, 1);
    lua_Integer more = luaL_checkinteger(state, 2);
    luaL_argcheck(state, more >= -AMOUNT_MAX && more <= AMOUNT_MAX, 2, "is too many months");
    return push_days(state, days_after_months(state, from.days, more));
}

/* Telling. */

static int date_days(lua_State *state)
{
    int32_t from = days_at(state, 1);
    if (lua_isnoneornil(state, 2)) lua_pushinteger(state, from);
    else lua_pushinteger(state, (lua_Integer)days_at(state, 2) - from);
    return 1;
}

/** Whole months from one day to another: the next one counts from the same day of the month on, or
 *  the last of a shorter month. */
static int64_t months_between(lua_State *state, int32_t from, int32_t to)
{
    if (to < from) return -months_between(state, to, from);
    struct date one = date_of_days(from), other = date_of_days(to);
    int64_t months = (other.year - one.year) * 12LL + other.month - one.month;
    bool is_full = months == 0 || days_after_months(state, from, months) <= to;
    return is_full ? months : months - 1;
}

static int date_months(lua_State *state)
{
    int32_t from = days_at(state, 1);
    lua_pushinteger(state, months_between(state, from, days_at(state, 2)));
    return 1;
}

static int date_years(lua_State *state)
{
    int32_t from = days_at(state, 1);
    lua_pushinteger(state, months_between(state, from, days_at(state, 2)) / 12);
    return 1;
}

static int date_hours(lua_State *state)
{
    struct moment from = moment_at(state, 1), to = moment_at(state, 2);
    int64_t ms = (to.days - (int64_t)from.days) * DAY_MS + to.ms - from.ms;
    lua_pushnumber(state, (double)ms / (double)HOUR_MS);
    return 1;
}

static int date_year(lua_State *state)
{
    lua_pushinteger(state, date_at(state, 1).year);
    return 1;
}

static int date_month(lua_State *state)
{
    lua_pushinteger(state, date_at(state, 1).month);
    return 1;
}

static int date_day(lua_State *state)
{
    lua_pushinteger(state, date_at(state, 1).day);
    return 1;
}

static int date_weekday(lua_State *state)
{
    lua_pushinteger(state, weekday_of(days_at(state, 1)));
    return 1;
}

static int date_is_weekend(lua_State *state)
{
    return push_boolean(state, weekday_of(days_at(state, 1)) >= 6);
}

static int date_start_of_month(lua_State *state)
{
    struct date date = date_at(state, 1);
    date.day = 1;
    return push_days(state, days_of_date(date));
}

static int date_end_of_month(lua_State *state)
{
    struct date date = date_at(state, 1);
    date.day = month_days(date.year, date.month);
    return push_days(state, days_of_date(date));
}

static int date_start_of_week(lua_State *state)
{
    int32_t days = days_at(state, 1);
    return push_days(state, (int64_t)days - weekday_of(days) + 1);
}

/** Of a time; or of year, month and day. */
static int date_of(lua_State *state)
{
    if (lua_isnoneornil(state, 2)) return push_days(state, days_at(state, 1));
    budget_charge(state, 2);
    lua_Integer year = luaL_checkinteger(state, 1), month = luaL_checkinteger(state, 2);
    lua_Integer day = luaL_checkinteger(state, 3);
    luaL_argcheck(state, year >= 1 && year <= 9999, 1, "is no year from 1 to 9999");
    luaL_argcheck(state, month >= 1 && month <= 12, 2, "is no month from 1 to 12");
    bool is_day = day >= 1 && day <= month_days((int32_t)year, (int32_t)month);
    luaL_argcheck(state, is_day, 3, "is no day of that month");
    struct date date = {(int32_t)year, (int32_t)month, (int32_t)day};
    return push_days(state, days_of_date(date));
}

/** `date(days)`. */
static int date_from_days(lua_State *state)
{
    budget_charge(state, 2);
    double days = floor(luaL_checknumber(state, 1));
    /* Compared before it is turned into a whole number, which it may not fit. */
    bool is_near = days >= DATE_DAYS_MIN && days <= DATE_DAYS_MAX;
    return push_days(state, is_near ? (int64_t)days : INT64_MAX);
}

static const struct view_name names[] = {
    {nullptr, "date", "date(days)",
     "The date so many days after 1970-01-01. Dates are texts such as 2026-01-31, so that < and "
     "== compare them; all functions take times too, and then mean their day in UTC.",
     "date(date.days(\"2026-02-28\") + 1) == \"2026-03-01\"", date_from_days},
    {"date", "add", "date.add(day, {years=, months=, weeks=, days=, hours=, minutes=})",
     "A date or time so much later, or earlier by negative numbers; a plain number counts days. "
     "A day that its month does not have becomes the last. Hours and minutes are for times.",
     "date.add(\"2026-01-31\", {months = 1}) == \"2026-02-28\"", date_add},
    {"date", "business_days", "date.business_days(day, n[, holidays])",
     "The n-th business day (Monday to Friday, none of the holidays, a list of dates) after a "
     "day, or before it when n is negative.",
     "date.business_days(\"2026-01-30\", 1) == \"2026-02-02\"", date_business_days},
    {"date", "business_days_between", "date.business_days_between(from, to[, holidays])",
     "How many business days come after `from`, up to and with `to`; negative when `to` is "
     "earlier.",
     "date.business_days_between(\"2026-01-30\", \"2026-02-06\") == 5", date_business_days_between},
    {"date", "day", "date.day(day)", "The day of the month.", "date.day(\"2026-01-31\") == 31",
     date_day},
    {"date", "days", "date.days(from[, to])",
     "How many days `to` is after `from`; without `to`, the days since 1970-01-01.",
     "date.days(\"2026-01-01\", \"2026-01-31\") == 30", date_days},
    {"date", "end_of_month", "date.end_of_month(day)", "The last day of its month.",
     "date.end_of_month(\"2028-02-05\") == \"2028-02-29\"", date_end_of_month},
    {"date", "format", "date.format(day, form)",
     "Shows a date or time by a form: %d 05, %e 5, %m 02, %Y 2026, %y 26, %B February, %b Feb, "
     "%A Friday, %a Fri, %j the day of the year, %H %M %S the clock, %% itself.",
     "date.format(\"2026-02-05\", \"%d.%m.%Y\") == \"05.02.2026\"", date_format},
    {"date", "hours", "date.hours(from, to)", "How many hours a time is after another.",
     "date.hours(\"2026-01-31T10:00:00Z\", \"2026-01-31T11:30:00Z\") == 1.5", date_hours},
    {"date", "is_weekend", "date.is_weekend(day)", "Whether it is a Saturday or Sunday.",
     "date.is_weekend(\"2026-01-31\")", date_is_weekend},
    {"date", "month", "date.month(day)", "The month, 1 to 12.", "date.month(\"2026-01-31\") == 1",
     date_month},
    {"date", "months", "date.months(from, to)", "How many whole months `to` is after `from`.",
     "date.months(\"2026-01-31\", \"2026-03-30\") == 1", date_months},
    {"date", "of", "date.of(time) or date.of(year, month, day)",
     "The day of a time in UTC, or the date of three numbers.",
     "date.of(\"2026-01-31T23:30:00Z\") == date.of(2026, 1, 31)", date_of},
    {"date", "parse", "date.parse(text[, form])",
     "The date that a text shows by a form as date.format has them (without one 2026-01-31), or "
     "nil when it shows none.",
     "date.parse(\"5.2.2026\", \"%d.%m.%Y\") == \"2026-02-05\"", date_read},
    {"date", "start_of_month", "date.start_of_month(day)", "The first day of its month.",
     "date.start_of_month(\"2026-02-05\") == \"2026-02-01\"", date_start_of_month},
    {"date", "start_of_week", "date.start_of_week(day)", "The Monday of its week.",
     "date.start_of_week(\"2026-02-05\") == \"2026-02-02\"", date_start_of_week},
    {"date", "weekday", "date.weekday(day)", "1 for Monday to 7 for Sunday.",
     "date.weekday(\"2026-02-05\") == 4", date_weekday},
    {"date", "year", "date.year(day)", "The year.", "date.year(\"2026-01-31\") == 2026", date_year},
    {"date", "years", "date.years(from, to)", "How many whole years `to` is after `from`: an age.",
     "date.years(\"1990-03-01\", \"2026-02-28\") == 35", date_years},
};
const struct view_part library_date = {.names = names, .count = sizeof names / sizeof *names};
