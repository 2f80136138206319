-- TRY: the iterator called by hand.
-- MUST: errors or nil.
-- NAMES: ipairs
-- ENDS: done
local give = ipairs({})
assert(not pcall(give) and not pcall(give, {}, "x") and not pcall(give, nil, 1))
assert(give({}, math.maxinteger) == nil and give({}, math.mininteger) == nil)
assert(not pcall(ipairs) and not pcall(ipairs, "x") and not pcall(ipairs, nil))
