-- TRY: a walk by next, which looks through all keys each time.
-- MUST: paid for by their number.
-- NAMES: next
-- ENDS: overran
local t = {} for i = 1, 20000 do t["k" .. i] = i end
local k = next(t)
while k do k = next(t, k) end
