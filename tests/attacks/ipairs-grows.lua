-- TRY: a list that grows while it is walked.
-- MUST: the memory, or the budget.
-- NAMES: ipairs
-- ENDS: overran
local t = {1}
for i in ipairs(t) do t[i + 1] = i end
