-- TRY: a plain search that nearly matches at every place, in a long text, for ever.
-- MUST: the budget.
-- NAMES: string.find
-- ENDS: overran
local s, wanted = ("a"):rep(200000), ("a"):rep(100000) .. "b"
while true do local _ = s:find(wanted, 1, true) end
