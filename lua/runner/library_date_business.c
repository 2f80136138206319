/* Business days: arithmetic over whole weeks, then the holidays that are no weekends. */
#include "library_date.h"

constexpr lua_Integer STEPS_MAX = 100'000;
constexpr lua_Integer HOLIDAYS_MAX = 1000;

/** Sorted, none twice, none on a weekend. */
struct holidays {
    uint32_t count;
    int32_t *days;
};

/** The first of them that is at least this day. */
static uint32_t first_from(const struct holidays *holidays, int32_t day)
{
    uint32_t low = 0, high = holidays->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (holidays->days[middle] < day) low = middle + 1;
        else high = middle;
    }
    return low;
}

/** The list of dates on `at`, or none. */
static struct holidays read_holidays(lua_State *state, int at)
{
    struct holidays holidays = {};
    if (lua_isnoneornil(state, at)) return holidays;
    lua_Integer count = list_of(state, at);
    luaL_argcheck(state, count <= HOLIDAYS_MAX, at, "has more than 1000 holidays");
    holidays.days = room_of(state, (size_t)count * sizeof(int32_t));
    for (lua_Integer of = 1; of <= count; of++) {
        lua_rawgeti(state, at, of);
        if (lua_type(state, -1) != LUA_TSTRING)
            luaL_error(state, "the holidays are no list of dates");
        int32_t day = days_at(state, lua_gettop(state));
        lua_pop(state, 1);
        uint32_t place = first_from(&holidays, day);
        bool is_there = place < holidays.count && holidays.days[place] == day;
        if (is_there || weekday_of(day) >= 6) continue;
        uint32_t behind = holidays.count++ - place;
        budget_charge(state, 1 + behind / 16);
        memmove(holidays.days + place + 1, holidays.days + place, behind * sizeof(int32_t));
        holidays.days[place] = day;
    }
    return holidays;
}

/** How many days from Monday to Friday there are from the Monday before 1970-01-01 to this day, not
 *  with it. */
static int64_t weekdays_before(int32_t day)
{
    int64_t since = (int64_t)day + 3;
    int64_t weeks = since >= 0 ? since / 7 : -((6 - since) / 7);
    int64_t rest = since - weeks * 7;
    return weeks * 5 + (rest > 5 ? 5 : rest);
}

/** Business days after one day up to and with a later one. */
static int64_t count_between(const struct holidays *holidays, int32_t from, int32_t to)
{
    int64_t weekdays = weekdays_before(to + 1) - weekdays_before(from + 1);
    return weekdays - (first_from(holidays, to + 1) - first_from(holidays, from + 1));
}

int date_business_days_between(lua_State *state)
{
    int32_t from = days_at(state, 1), to = days_at(state, 2);
    struct holidays holidays = read_holidays(state, 3);
    /* Backwards: before `from`, down to and with `to`. */
    int64_t count = to >= from ? count_between(&holidays, from, to)
                               : -count_between(&holidays, to - 1, from - 1);
    lua_pushinteger(state, count);
    return 1;
}

int date_business_days(lua_State *state)
{
    int32_t day = days_at(state, 1);
    lua_Integer left = luaL_checkinteger(state, 2);
    struct holidays holidays = read_holidays(state, 3);
    luaL_argcheck(state, left >= -STEPS_MAX && left <= STEPS_MAX, 2, "is too many days");
    int32_t step = left < 0 ? -1 : 1;
    if (left < 0) left = -left;
    while (left > 0) {
        budget_charge(state, 1);
        day += step;
        if (day < DATE_DAYS_MIN || day > DATE_DAYS_MAX) break;
        uint32_t place = first_from(&holidays, day);
        bool is_holiday = place < holidays.count && holidays.days[place] == day;
        if (weekday_of(day) < 6 && !is_holiday) left--;
    }
    return push_days(state, day);
}
