-- TRY: reject and go on as if nothing were.
-- MUST: the run is over; nothing catches it.
-- NAMES: reject pcall
-- ENDS: rejected
pcall(reject, {}) pcall(reject) pcall(reject, "x", {}) pcall(reject, "x", "no such field")
local ok = pcall(reject, "no", "name")
while true do pcall(reject, "again") end
