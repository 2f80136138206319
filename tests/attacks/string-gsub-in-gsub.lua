-- TRY: gsub in the callback of gsub, without end.
-- MUST: `C stack overflow` at most, or the budget.
-- NAMES: string.gsub
-- ENDS: failed overran
local function again() return (("a"):gsub("a", again)) end
again()
