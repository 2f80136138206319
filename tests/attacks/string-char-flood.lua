-- TRY: thousands of arguments to one call of C, and values that are no bytes.
-- MUST: the budget.
-- NAMES: string.char table.unpack
-- ENDS: overran
assert(not pcall(string.char, -1) and not pcall(string.char, 256) and not pcall(string.char, 1e300))
local list = {} for i = 1, 4096 do list[i] = i % 256 end
while true do local _ = string.char(table.unpack(list)) end
