-- TRY: iterators over empty matches, nested.
-- MUST: the budget.
-- NAMES: string.gmatch
-- ENDS: overran
local s = ("x"):rep(100000)
for _ in s:gmatch("") do for _ in s:gmatch("()") do end end
