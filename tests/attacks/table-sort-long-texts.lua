-- TRY: long texts that differ at their end.
-- MUST: comparing is paid for by length.
-- NAMES: table.sort
-- ENDS: overran
local t, s = {}, ("x"):rep(30000)
for i = 1, 30 do t[i] = s .. i end
while true do table.sort(t) table.sort(t, function(a, b) return a > b end) end
