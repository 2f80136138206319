-- TRY: each value put before all others.
-- MUST: the moves are paid for.
-- NAMES: table.insert table.remove
-- ENDS: overran
local t = {}
for i = 1, 20000 do t[i] = i end
while true do table.insert(t, 1, 0) table.remove(t, 1) end
