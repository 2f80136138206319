-- TRY: work over all of a long text with each instruction.
-- MUST: paid for by length; memory taken is bounded.
-- NAMES: string.lower string.upper string.reverse string.sub string.trim
-- ENDS: overran
local s = " " .. ("Ab"):rep(120000) .. " "
while true do local _ = s:lower(), s:upper(), s:reverse(), s:sub(2, -2), s:trim() end
