-- TRY: texts with very many digits, odd bases, exponents out of range.
-- MUST: nil, quickly.
-- NAMES: tonumber
-- ENDS: done
assert(tonumber(("9"):rep(200000)) == nil and tonumber("0x" .. ("f"):rep(200000)) == nil)
assert(tonumber(("9"):rep(200000), 10) == nil and tonumber("1e999999999") == math.huge)
assert(tonumber("nan") == nil and tonumber("inf") == nil and tonumber("") == nil and tonumber("0x")
    == nil)
assert(not pcall(tonumber, "1", 1) and not pcall(tonumber, "1", 37) and not pcall(tonumber, 1, 10))
assert(tonumber("7\0") == nil and tonumber("1" .. (" "):rep(200000)) == nil)
