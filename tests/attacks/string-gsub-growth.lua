-- TRY: replacements that grow a text without end.
-- MUST: an error at the bound of one text.
-- NAMES: string.gsub
-- ENDS: failed overran
local s = "x"
while true do s = s:gsub("x", "xx") end
