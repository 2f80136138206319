-- TRY: a table that is changed while it is walked.
-- MUST: no pair twice, none that is gone, no crash.
-- NAMES: pairs next
-- ENDS: done
local t = {} for i = 1, 300 do t[i], t["k" .. i] = i, i end
local seen, count = {}, 0
for k in pairs(t) do
    assert(not seen[k]) seen[k] = true count = count + 1
    t[k] = nil t["new" .. count] = 1
    if count % 7 == 0 then for i = 1, 50 do t[i] = nil end end
end
assert(count <= 600)
assert(not pcall(pairs, nil) and not pcall(pairs, 1) and not pcall(pairs))
assert(not pcall(pairs, {[{}] = 1}) and not pcall(pairs, {[print or pcall] = 1}))
assert(not pcall(next, {}, {}) and next({1}, 0/0) == nil and next({1}, "gone") == nil)
