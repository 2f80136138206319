-- TRY: forms that are long, cut off, or no forms.
-- MUST: an error or nil.
-- NAMES: date.format date.parse
-- ENDS: done
for _, form in ipairs({"%", "%Q", "%\0", "%%%", ("%A"):rep(101), ("x"):rep(201), "%s", "%n"}) do
    assert(not pcall(date.format, "2026-02-05", form))
end
assert(#date.format("2026-02-05", ("%A"):rep(100)) == 800)
for _, s in ipairs({"", "31", "31.", "31.2", "31.2.", "31.2.2026", ("9"):rep(100000), "\xFF",
    "31.12.0000"}) do
    assert(date.parse(s, "%d.%m.%Y") == nil and date.parse(s) == nil)
end
assert(not pcall(date.parse, "5", "%d") and not pcall(date.parse, "x", "%Q"))
