-- TRY: greedy and lazy items one behind the other.
-- MUST: the budget, counted by steps.
-- NAMES: string.find
-- ENDS: overran
return ("a"):rep(20000):find(".-.-.-.-a*a*a*a+$b")
