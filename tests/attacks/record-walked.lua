-- TRY: the record walked, printed and changed while it is walked.
-- MUST: only its fields, in order.
-- NAMES: record pairs old
-- ENDS: done failed
for i = 1, 20 do for k, v in pairs(record) do pcall(function() record[k] = v end) end end
for k in pairs(old) do assert(type(k) == "string") end
pcall(next, record) pcall(ipairs, record) pcall(table.sort, record) pcall(table.concat, record)
    pcall(function() return #record end)
pcall(function() record() end) pcall(function() return record < record end) pcall(string.format,
    "%d", record)
pcall(has, record, 1) pcall(table.insert, record, 1) pcall(money.sum, record)
