-- TRY: equal long texts compared in each instruction.
-- MUST: the budget of fuel or time.
-- NAMES: string.rep
-- ENDS: overran
local a, b = ("x"):rep(20000) .. "y", ("x"):rep(20000) .. "y"
while true do local _ = a == b, a < b, a <= b end
