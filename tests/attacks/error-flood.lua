-- TRY: errors without end, of long texts, within each other.
-- MUST: the budget; what is said is cut.
-- NAMES: error assert pcall
-- ENDS: overran failed
local s = ("E"):rep(200000)
for i = 1, 9 do pcall(error, s) pcall(assert, false, s) pcall(error, s, 2) pcall(error, s,
    math.maxinteger) end
pcall(error, {}) pcall(error, nil) pcall(error) pcall(assert) pcall(assert, nil, {})
local function deep(n) if n == 0 then error(s) end local ok, why = pcall(deep, n - 1) error(why) end
deep(30)
