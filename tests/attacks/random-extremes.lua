-- TRY: bounds that overflow; chance that differs from run to run.
-- MUST: an error or a number within the bounds.
-- NAMES: random
-- ENDS: done
for _, args in ipairs({{0}, {-1}, {1, 0}, {math.mininteger, math.maxinteger}, {0.5}, {"x"}, {0/0},
    {math.huge}, {{}}, {1, 2, 3}}) do
    local ok, n = pcall(random, table.unpack(args))
    assert(not ok or type(n) == "number")
end
for i = 1, 1000 do local n = random() assert(n >= 0 and n < 1) end
