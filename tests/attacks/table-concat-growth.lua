-- TRY: a list of itself joined, without end.
-- MUST: an error at the bound of one text.
-- NAMES: table.concat
-- ENDS: failed
local t = {"x"}
while true do t[#t + 1] = table.concat(t, "-") end
