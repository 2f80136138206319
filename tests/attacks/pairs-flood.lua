-- TRY: a large table put in order again and again.
-- MUST: the order is paid for.
-- NAMES: pairs
-- ENDS: overran
local t = {}
for i = 1, 5000 do t["k" .. i] = i end
for _ in pairs(t) do for _ in pairs(t) do end end
