-- TRY: long walks over business days with as many holidays as there may be.
-- MUST: the budget.
-- NAMES: date.business_days date.business_days_between
-- ENDS: overran
local holidays = {} for i = 1, 1000 do holidays[i] = date(20000 + (i * 7919) % 5000) end
local many = {} for i = 1, 1001 do many[i] = date(i) end
assert(not pcall(date.business_days, "2026-01-01", 1, many) and not pcall(date.business_days,
    "2026-01-01", 1, {1}))
assert(not pcall(date.business_days, "2026-01-01", 1, {{}}) and not pcall(date.business_days,
    "2026-01-01", 1, "x"))
while true do
    local _ = date.business_days("2026-01-01", 100000, holidays),
        date.business_days_between("0001-01-01", "9999-12-31", holidays)
end
