-- TRY: thousands of arguments to one call.
-- MUST: the budget.
-- NAMES: math.max math.min
-- ENDS: overran
local t = {} for i = 1, 4096 do t[i] = i end
while true do local _ = math.max(table.unpack(t)), math.min(table.unpack(t)) end
