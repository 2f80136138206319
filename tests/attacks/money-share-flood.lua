-- TRY: as many shares as there may be, without end.
-- MUST: the budget.
-- NAMES: money.share money.sum money.times money.format
-- ENDS: overran
local whole = money(math.maxinteger, "EUR")
while true do
    local sum = money.sum(money.share(whole, 1000))
    assert(sum.amount == whole.amount)
    local _ = money.format(money.times(whole, 0.123456789012345), ".", ",")
end
