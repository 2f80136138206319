-- TRY: more captures than there is room for, and unfinished ones.
-- MUST: errors.
-- NAMES: string.match string.find
-- ENDS: done
for count = 30, 200 do
    local ok = pcall(string.match, ("a"):rep(300), ("(a"):rep(count) .. (")"):rep(count))
    assert(ok == (count <= 32))
    assert(not pcall(string.find, "a", ("("):rep(count)))
end
