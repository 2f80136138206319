-- TRY: an iterator asked on after its end, and with other arguments.
-- MUST: nil, no read past the end.
-- NAMES: string.gmatch
-- ENDS: done
local give = ("ab"):gmatch("%a", -1)
assert(give() == "b")
for i = 1, 100 do assert(give(i, "x", {}) == nil) end
assert(("abc"):gmatch("%a", math.maxinteger)() == nil)
assert(("abc"):gmatch("%a", math.mininteger)() == "a")
