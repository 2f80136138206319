-- TRY: places out of all bounds.
-- MUST: an error each, no wrap-around.
-- NAMES: table.insert table.remove table.concat table.unpack
-- ENDS: done
for _, at in ipairs({0, -1, 5, math.maxinteger, math.mininteger, 1 << 40}) do
    assert(not pcall(table.insert, {1, 2, 3}, at, 9))
    assert(not pcall(table.remove, {1, 2, 3}, at) or at == 4)
end
assert(not pcall(table.concat, {}, "", math.mininteger, math.maxinteger))
assert(not pcall(table.concat, {}, "", 1, math.maxinteger))
assert(table.concat({}, "", math.maxinteger, math.mininteger) == "")
assert(not pcall(table.unpack, {}, 1, 1e6) and not pcall(table.unpack, {}, math.mininteger,
    math.maxinteger))
assert(not pcall(table.unpack, {}, -1, math.maxinteger) and not pcall(table.unpack, {}, 0,
    math.maxinteger))
assert(not pcall(table.insert, {}) and not pcall(table.insert, {}, 1, 2, 3) and not
    pcall(table.insert, nil, 1))
