-- TRY: thousands of values handed on and on.
-- MUST: the budget, or an error of the stack.
-- NAMES: select table.unpack
-- ENDS: failed overran
local list = {} for i = 1, 4000 do list[i] = i end
local function f(...) return select(-1, f(...), ...) end
assert(not pcall(select, 0) and not pcall(select, math.mininteger, 1) and not pcall(select, -2, 1))
f(table.unpack(list))
