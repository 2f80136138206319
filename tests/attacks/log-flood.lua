-- TRY: lines without end, long ones, odd ones.
-- MUST: a bounded number of bounded lines.
-- NAMES: log
-- ENDS: overran done failed
local s = ("L\0\xFF"):rep(50000)
pcall(log) pcall(log, nil) pcall(log, {}) pcall(log, record, 0/0, pcall)
while true do pcall(log, s) end
