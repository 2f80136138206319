-- TRY: one line of very many large tables that can be packed only in part.
-- MUST: take no more memory than one of them.
-- NAMES: log
-- ENDS: done overran
local large, all = {}, {}
for at = 1, 15 do large["k" .. at] = ("x"):rep(60000) .. at end
large.z = function() end
for at = 1, 170 do all[at] = large end
log(table.unpack(all))
