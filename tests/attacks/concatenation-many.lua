-- TRY: one expression that joins long texts many times.
-- MUST: the memory.
-- NAMES: string.rep
-- ENDS: overran
local s = ("x"):rep(100000)
while true do local _ = s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s ..
    s .. s .. s .. s .. s .. s end
