-- TRY: read a secret, or write it where it can be read.
-- MUST: its value is never in the process.
-- NAMES: secret log reject
-- ENDS: failed rejected done
local s = secret("key")
pcall(log, s) pcall(log, tostring(s)) pcall(function() return s .. "" end) pcall(function() return
    #s end)
pcall(function() record.notes = s end) pcall(function() return s.value end) pcall(string.format,
    "%s", s) pcall(pairs, s)
pcall(secret) pcall(secret, {}) pcall(secret, ("x"):rep(100000)) pcall(secret, "\xFF") pcall(error,
    s)
for i = 1, 3000 do pcall(secret, "key" .. i) end
reject(tostring(s))
