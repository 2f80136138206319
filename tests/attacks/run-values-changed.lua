-- TRY: change what the run was given, so that others see it.
-- MUST: errors, or this run's own copy alone.
-- NAMES: actor settings now today operation point input null
-- ENDS: done
for _, t in ipairs({actor, settings}) do
    pcall(function() t.name = "mine" end) pcall(function() t.roles[1] = "owner" end)
        pcall(function() t[1] = 1 end)
    pcall(pairs, t) pcall(next, t) pcall(tostring, t)
end
pcall(function() input.x = 1 end) pcall(function() return null.x end) pcall(function() null.x = 1
    end) pcall(function() return null() end)
assert(type(now) == "string" and type(today) == "string" and #today == 10)
now, today, operation, point, input, null, actor, settings = 1, 2, 3, 4, 5, 6, 7, 8
record, old, db, queue, reject = nil, nil, nil, nil, nil
