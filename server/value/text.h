/** text: dates, times, decimals and money as people and RFCs write them.
 *
 *  Floor   value.
 *  Thread  any.
 *  Source  RFC 3339; proleptic Gregorian calendar; ISO 4217 for decimals of a currency.
 */
#pragma once

#include "base/buf.h"

constexpr int32_t DATE_DAYS_MIN = -719'162;  /** 0001-01-01 */
constexpr int32_t DATE_DAYS_MAX = 2'932'896; /** 9999-12-31 */

struct date {
    int32_t year;
    int32_t month; /** 1 to 12 */
    int32_t day;   /** 1 to 31 */
};
/** The day of a real date, days since 1970-01-01, and back. */
int32_t days_of_date(struct date date);
struct date date_of_days(int32_t days);
/** 28 to 31. */
int32_t month_days(int32_t year, int32_t month);

/** Days since 1970-01-01; `YYYY-MM-DD`, years 0001–9999, real days only. */
bool date_parse(str text, int32_t *days_out);
/** Days outside of those years are written as the nearest; so are times. */
void date_write(struct buf *out, int32_t days);

/** Milliseconds UTC from an RFC 3339 time (offset or Z; up to nine fraction digits, cut to
 *  three) or a date (midnight). */
bool time_parse(str text, int64_t *ms_out);
/** `2026-11-21T19:58:40.123Z` */
void time_write(struct buf *out, int64_t ms);

/** A decimal number as an integer of 10^-scale units: "12.5" at scale 2 → 1250. False when it
 *  has more digits behind the point than the scale, or does not fit 64 bits. */
bool decimal_parse(str text, uint8_t scale, int64_t *units_out);
void decimal_write(struct buf *out, int64_t units, uint8_t scale);

/** Digits behind the point of a currency (0, 2 or 3); false when ISO 4217 does not know it. */
bool currency_scale(str code, uint8_t *scale_out);
