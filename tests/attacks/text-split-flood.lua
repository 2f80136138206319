-- TRY: hundreds of thousands of parts.
-- MUST: the memory, or the budget.
-- NAMES: text.split text.words
-- ENDS: overran
local s = ("a,"):rep(100000)
local keep = {}
while true do keep[#keep + 1] = text.split(s, ",") keep[#keep + 1] = text.words(s) end
