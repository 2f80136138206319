-- TRY: a set of 60000 items, tried at each place of a long text.
-- MUST: each item tried is paid for.
-- NAMES: string.match
-- ENDS: overran
return ("y"):rep(100000):match("[^y" .. ("ab-cd"):rep(12000) .. "]+z")
