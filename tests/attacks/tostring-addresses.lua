-- TRY: see where things lie in memory, and tell it.
-- MUST: no address in any answer.
-- NAMES: tostring type string.format log error
-- ENDS: failed
local things = {{}, pcall, function() end, string, record, string.gmatch("a", "a"), db, money, null}
local all = {}
for i = 1, #things do
    all[#all + 1] = tostring(things[i]) .. string.format("%s", things[i]) .. type(things[i])
    log(tostring(things[i]))
    all[#all + 1] = select(2, pcall(function() return things[i] + 1 end))
    all[#all + 1] = select(2, pcall(function() return things[i] .. "x" end))
    all[#all + 1] = select(2, pcall(table.concat, {things[i]}))
    all[#all + 1] = select(2, pcall(string.rep, things[i]))
    all[#all + 1] = select(2, pcall(error, things[i]))
end
error(table.concat(all, " "))
