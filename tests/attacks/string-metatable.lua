-- TRY: change what all texts share.
-- MUST: an error each.
-- NAMES: string.upper
-- ENDS: done
assert(not pcall(function() string.upper = nil end))
assert(not pcall(function() ("").upper = nil end))
assert(not pcall(function() ("").__index = nil end))
assert(("").__index == nil and ("").__metatable == nil and string.__index == nil)
assert(not pcall(table.sort, string, 1))
