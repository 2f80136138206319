-- TRY: catch the end of the budget at each level, and go on.
-- MUST: nothing catches it.
-- NAMES: pcall
-- ENDS: overran
local function f() while true do pcall(f) end end
while true do pcall(pcall, pcall, pcall, f) pcall(f) end
