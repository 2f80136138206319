-- TRY: recursion without end, in Lua and through C.
-- MUST: an error of the stack, the memory, or the budget.
-- NAMES: tostring
-- ENDS: overran failed
local function f(n) return 1 + f(n + 1) end
f(1)
