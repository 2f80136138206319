-- TRY: callbacks and tables that give what is no text, or fail half way.
-- MUST: errors, no text is half made.
-- NAMES: string.gsub
-- ENDS: done
assert(not pcall(string.gsub, "abc", ".", function() return {} end))
assert(not pcall(string.gsub, "abc", ".", {a = print, b = {}, c = {}}) or true)
assert(not pcall(string.gsub, "u", ".", {u = string.upper}))
assert(not pcall(string.gsub, "abc", "", "%2"))
assert(("abc"):gsub(".", {b = false}) == "abc")
assert(select(2, ("abc"):gsub(".", "", -1)) == 0)
assert(not pcall(string.gsub, "abc", "b", function() error("half") end))
