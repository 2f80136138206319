-- TRY: sorting in the comparator, without end.
-- MUST: an error of the stack at most, or the budget.
-- NAMES: table.sort
-- ENDS: failed overran
local function f() local t = {2, 1} table.sort(t, f) return true end
f()
