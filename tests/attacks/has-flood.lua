-- TRY: a long list looked through again and again.
-- MUST: the budget.
-- NAMES: has
-- ENDS: overran
local t = {} for i = 1, 20000 do t[i] = "x" .. i end
assert(not pcall(has, "x", 1) and not pcall(has, {}) and not has(nil, nil))
while true do local _ = has(t, "y") end
