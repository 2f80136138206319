-- TRY: sizes that overflow when they are multiplied.
-- MUST: an error each, nothing is made.
-- NAMES: string.rep string.sub
-- ENDS: done
for _, count in ipairs({262145, 1 << 31, 1 << 32, 1 << 62, math.maxinteger}) do
    assert(not pcall(string.rep, "x", count))
    assert(not pcall(string.rep, "", count, "y"))
    assert(not pcall(string.rep, ("x"):rep(1000), count, ("y"):rep(1000)))
    assert((""):rep(count) == "")
end
assert(("x"):rep(math.mininteger) == "" and ("abc"):sub(math.maxinteger) == "")
