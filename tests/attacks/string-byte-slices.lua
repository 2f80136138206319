-- TRY: all bytes of a long text as results, again and again.
-- MUST: bounded results, then the budget.
-- NAMES: string.byte string.len string.rep
-- ENDS: overran
local s = ("x"):rep(262144)
assert(s:len() == 262144 and not pcall(string.byte, s, 1, -1))
assert(not pcall(string.byte, s, math.mininteger, math.maxinteger))
while true do local _ = select("#", s:byte(1, 4096)) end
