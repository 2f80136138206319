-- TRY: amounts that overflow, currencies that are none, mixtures.
-- MUST: an error each, never a wrong amount.
-- NAMES: money money.add money.compare money.format money.is_zero money.parse money.share
--     money.subtract money.sum money.times
-- ENDS: done
local most, least, one = money(math.maxinteger, "EUR"), money(math.mininteger, "EUR"), money(1,
    "EUR")
assert(not pcall(money.add, most, one) and not pcall(money.subtract, least, one) and not
    pcall(money.sum, {most, one}))
for _, f in ipairs({2, -2, 1.5, 1e300, math.huge, 0/0, math.maxinteger}) do
    assert(not pcall(money.times, most, f) and not pcall(money.times, least, f))
end
assert(not pcall(money.times, least, -1) and money.times(most, 0).amount == 0 and
    money.times(least, 1e-300).amount == 0)
for _, v in ipairs({0, "x", {}, {amount = 1}, {currency = "EUR"}, {amount = 1.5, currency = "EUR"},
    {amount = 1, currency = "???"},
        {amount = {}, currency = "EUR"}, {amount = 1, currency = {}}, {amount = 1, currency =
            ("E"):rep(100000)}}) do
    for _, f in ipairs({money.add, money.compare, money.subtract}) do
        assert(not pcall(f, v, v) and not pcall(f, one, v) and not pcall(f, v, one))
    end
    assert(not pcall(money.format, v) and not pcall(money.is_zero, v) and not pcall(money.share, v,
        2) and not pcall(money.times, v, 2))
end
assert(not pcall(money.add, one, money(1, "USD")) and not pcall(money.compare, one, money(1,
    "USD")))
assert(not pcall(money, 1e19, "EUR") and not pcall(money, 0/0, "EUR") and not pcall(money, 1,
    "eur") and not pcall(money, 1))
assert(money.parse("92233720368547758.08", "EUR") == nil and money.parse("1.001", "EUR") == nil and
    money.parse("", "EUR") == nil)
for _, parts in ipairs({0, -1, 1001, math.maxinteger, 1.5, {}, {0}, {-1}, {1e10}, {"x"}}) do
    assert(not pcall(money.share, one, parts)) end
local sum = money.sum(money.share(least, {1000000000, 999999999, 1})) assert(sum.amount ==
    math.mininteger)
assert(not pcall(money.format, one, ("x"):rep(262144), ("y"):rep(262144)))
