-- TRY: quoting that makes a text four times as long, nested.
-- MUST: an error at the bound of one text.
-- NAMES: string.format
-- ENDS: failed overran
local s = ("\1"):rep(1000)
while true do s = string.format("%q", s) end
