-- TRY: set values that are too large, too deep, or circular.
-- MUST: errors or one failed change; no crash.
-- NAMES: record old changed
-- ENDS: failed done overran
local deep = {} local t = deep for i = 1, 5000 do t[1] = {} t = t[1] end
pcall(function() record.data = deep end)
local circle = {} circle.circle = circle
pcall(function() record.data = circle end)
pcall(function() record.notes = ("x"):rep(262144) end)
pcall(function() record["\xFF"] = 1 end) pcall(function() record[("n"):rep(100000)] = 1 end)
    pcall(function() record[{}] = 1 end)
pcall(function() old.status = "x" end) pcall(changed) pcall(changed, {}) pcall(changed,
    ("n"):rep(100000)) pcall(changed, 0/0)
local list = {} for i = 1, 10000 do list[i] = "v" .. i end
record.tags = list
record.notes = ("x"):rep(262144)
