/** library_date: what the functions over dates share.
 *
 *  A day is a text as the API writes it, 2026-01-31, or a time, 2026-01-31T10:00:00.000Z, which
 *  stands for its day in UTC. A week has seven days from Monday; business days are those from
 *  Monday to Friday that are no holidays.
 *  Thread  the only one.
 */
#pragma once

#include "library.h"
#include "value/text.h"

/** A day or a time. */
struct moment {
    bool is_time;
    int32_t days; /** since 1970-01-01 */
    int64_t ms;   /** of that day */
};
struct moment moment_at(lua_State *state, int at);
/** Days since 1970-01-01. */
int32_t days_at(lua_State *state, int at);
struct date date_at(lua_State *state, int at);
/** An error outside of the years 1 to 9999; 1. */
int push_days(lua_State *state, int64_t days);
int push_time(lua_State *state, int64_t ms);
/** 1 Monday to 7 Sunday. */
int32_t weekday_of(int32_t days);

/** `months(day, n)`: the same day so many months on, or the last of a shorter month. */
int date_add_months(lua_State *state);

/* library_date_text.c */
int date_format(lua_State *state);
int date_read(lua_State *state);

/* library_date_business.c */
int date_business_days(lua_State *state);
int date_business_days_between(lua_State *state);
