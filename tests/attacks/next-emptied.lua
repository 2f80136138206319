-- TRY: the first key of a large table that has been emptied, without end.
-- MUST: the budget.
-- NAMES: next
-- ENDS: overran
local t = {} for i = 1, 10000 do t["k" .. i] = i end
for i = 1, 10000 do t["k" .. i] = nil end
while true do local _ = next(t) end
