-- TRY: dates without end.
-- MUST: the budget.
-- NAMES: date.add date.format date.parse date.months date.years
-- ENDS: overran
local day = "0001-01-01"
while true do
    day = date.add(day, {days = 1, weeks = 0, months = 0})
    if date.parse(date.format(day, "%d.%m.%Y"), "%d.%m.%Y") ~= day or date.months("2020-01-31",
        day) > 1e9 then error(day) end
    if date.years("0001-01-01", day) > 9990 then day = "0001-01-01" end
end
