-- TRY: back references to long captures.
-- MUST: the budget.
-- NAMES: string.match
-- ENDS: overran
return ("a"):rep(20000):match("(a*)(a*)%1%2%1%2b")
