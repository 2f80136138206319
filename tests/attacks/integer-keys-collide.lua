-- TRY: integer keys that fall on one place of the hash.
-- MUST: the memory cap keeps one instruction short.
-- NAMES: pairs
-- ENDS: overran
local t = {}
for k = 1, 1e9 do t[k * 131071] = k end
