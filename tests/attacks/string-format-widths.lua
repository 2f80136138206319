-- TRY: the widest numbers, joined without end.
-- MUST: the memory, or the budget.
-- NAMES: string.format table.concat
-- ENDS: overran
local t = {}
while true do t[#t + 1] = string.format("%99.99f%-99d%099.99e", -1e308, math.mininteger, 1e-308) end
