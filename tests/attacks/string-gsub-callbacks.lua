-- TRY: callbacks in C for each byte of a long text.
-- MUST: the budget.
-- NAMES: string.gsub
-- ENDS: overran
local s = ("x"):rep(200000)
while true do s:gsub(".", pcall) s:gsub(".", type) s:gsub(".", tostring) end
