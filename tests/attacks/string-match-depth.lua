-- TRY: recursion of the matcher as deep as the pattern.
-- MUST: `too complex`, never the C stack.
-- NAMES: string.match
-- ENDS: failed
return ("a"):rep(100000):match(("a?"):rep(100000) .. "b")
