-- TRY: a replacement longer than what it replaces, without end; the empty text replaced.
-- MUST: an error.
-- NAMES: text.replace text.join text.split
-- ENDS: failed overran
assert(not pcall(text.replace, "abc", "", "x") and not pcall(text.split, "abc", ""))
assert(not pcall(text.join, {("x"):rep(200000), ("y"):rep(200000)}))
local s = "x"
while true do s = text.replace(s, "x", "xxx") end
