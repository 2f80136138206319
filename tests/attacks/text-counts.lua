-- TRY: counts beyond all bounds.
-- MUST: an error or all there is.
-- NAMES: text.first text.left_pad text.right_pad text.split text.length
-- ENDS: done
for _, count in ipairs({math.maxinteger, math.mininteger, 1e15 // 1 | 0, -1}) do
    assert(#text.first("añb", count) <= 4 and text.length(text.first("añb", count)) <= 3)
    local ok, s = pcall(text.left_pad, "x", count) assert(not ok or #s <= 1000)
    ok, s = pcall(text.right_pad, "x", count) assert(not ok or #s <= 1000)
    ok, s = pcall(text.split, "a,b", ",", count) assert(not ok or #s <= 2)
end
assert(not pcall(text.left_pad, "x", 9, ""))
