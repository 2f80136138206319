-- TRY: comparators that lie, fail, change the list, or sort it again.
-- MUST: the list's own values, no read outside.
-- NAMES: table.sort
-- ENDS: done
local function list() local t = {} for i = 1, 200 do t[i] = (i * 7919) % 211 end return t end
for _, f in ipairs({function() return true end, function() return false end, function(a, b) return
    a ~= b end,
        function() return random() < 0.5 end, function() error("x") end}) do
    local t, sum = list(), 0
    pcall(table.sort, t, f)
    for _, v in ipairs(t) do sum = sum + v end
    local expected = 0 for _, v in ipairs(list()) do expected = expected + v end
    assert(#t == 200 and sum == expected)
end
local t = list()
pcall(table.sort, t, function(a, b) for i = 1, #t do t[i] = nil end return a and b and a < b end)
t = list()
pcall(table.sort, t, function(a, b) t[#t + 1] = 1 return a < b end)
t = list()
pcall(table.sort, t, function(a, b) if #t > 190 then t[#t] = nil end return (a or 0) < (b or 0) end)
assert(not pcall(table.sort, {1, "x"}) and not pcall(table.sort, {1, 2}, 7) and not
    pcall(table.sort, {{}, {}}))
