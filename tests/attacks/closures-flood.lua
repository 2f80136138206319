-- TRY: closures and small tables without end, kept in each other.
-- MUST: the memory.
-- NAMES: type
-- ENDS: overran
local keep
while true do local older = keep keep = {function() return older end, {{}}, type(older)} end
