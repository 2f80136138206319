-- TRY: work over all of a long text with each instruction.
-- MUST: the budget.
-- NAMES: text.contains text.digits text.ends text.is_email text.starts text.length text.join
--     text.fold
-- ENDS: overran
local s = ("a1@b.c "):rep(30000)
while true do
    local _ = text.contains(s, s .. "x"), text.digits(s), text.ends(s, s), text.is_email(s),
        text.starts(s, s)
    _ = text.length(s), text.join({s, "x"}), text.contains(s, ("a1"):rep(9999))
end
