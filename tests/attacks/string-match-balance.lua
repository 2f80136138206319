-- TRY: %b that begins at each place and never ends.
-- MUST: the budget.
-- NAMES: string.match
-- ENDS: overran
return ("("):rep(200000):match("%b()x")
