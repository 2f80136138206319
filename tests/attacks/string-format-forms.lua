-- TRY: forms that C would read further than they are.
-- MUST: an error, or two digits at most.
-- NAMES: string.format
-- ENDS: done
for _, form in ipairs({"%", "%5", "%5.", "%.", "%100d", "%.100f", "%n", "%p", "%a", "%ls", "%lld",
    "%*d", "%1$d",
        "%-----------d", "%\0d", "%I", "%5q", "%z"}) do
    assert(not pcall(string.format, form, 1), form)
end
assert(not pcall(string.format, ("%d"):rep(300), 1))
assert(not pcall(string.format, "%d", 1.5) and not pcall(string.format, "%d", "x"))
