-- TRY: days out of the years there are, amounts that overflow, texts that are no dates.
-- MUST: an error each.
-- NAMES: date date.add date.business_days date.business_days_between date.day date.days
--     date.end_of_month date.format date.hours date.is_weekend date.month date.months date.of
--     date.parse date.start_of_month date.start_of_week date.weekday date.year date.years
-- ENDS: done
local texts = {"", "x", "2026-02-30", "0000-01-01", "10000-01-01", "2026-1-1", "2026-01-31garbage",
    "-001-01-01",
    "2026-01-31T25:00:00Z", "2026-01-31T10:00:00", "9999-12-31T23:59:59-23:59", "\0",
        ("9"):rep(100000), 5, 1e300, true, {}}
for _, f in ipairs({date.day, date.days, date.end_of_month, date.is_weekend, date.month,
    date.start_of_month,
        date.start_of_week, date.weekday, date.year, date.of}) do
    for i = 1, #texts do assert(not pcall(f, texts[i])) end
end
for i = 1, 13 do
    for _, f in ipairs({date.add, date.business_days, date.business_days_between, date.hours,
        date.months, date.years,
            date.days}) do
        assert(not pcall(f, texts[i], texts[i]) and not pcall(f, "2026-01-31", texts[i]))
    end
end
for _, n in ipairs({math.maxinteger, math.mininteger, 1e15 // 1 | 0, -1e15 // 1 | 0, 1e300, 0/0,
    math.huge}) do
    assert(not pcall(date, n) and not pcall(date.add, "2026-01-31", n) and not
        pcall(date.business_days, "2026-01-31", n))
    for _, unit in ipairs({"years", "months", "weeks", "days", "hours", "minutes"}) do
        assert(not pcall(date.add, "2026-01-31T10:00:00Z", {[unit] = n}))
        pcall(date.add, "2026-01-31T10:00:00Z", {[unit] = 10000000, years = -10000000})
    end
    assert(not pcall(date.of, n, 1, 1) and not pcall(date.of, 2026, n, 1) and not pcall(date.of,
        2026, 1, n))
end
assert(not pcall(date.add, "2026-01-31", {[{}] = 1}) and not pcall(date.add, "2026-01-31", {1}))
assert(date.start_of_week("0001-01-03") == "0001-01-01" and date.end_of_month("9999-12-01") ==
    "9999-12-31")
