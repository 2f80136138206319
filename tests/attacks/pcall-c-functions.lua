-- TRY: each function of the library called by pcall with nothing, with odd things, by itself.
-- MUST: errors, no crash.
-- NAMES: pcall
-- ENDS: done
local odd = {0, -1, 1.5, 0/0, 1/0, math.mininteger, "", "x", "\xFF", "2026-01-31", true, false, {},
    {1, 2}, pcall, record, null}
local tables = {}
for _, name in ipairs({"string", "text", "table", "math", "date", "money"}) do tables[#tables + 1]
    = _ENV[name] end
local names = {"byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match",
    "reverse", "sub", "trim",
    "contains", "digits", "ends", "first", "fold", "is_email", "join", "left_pad", "length",
        "replace", "split", "starts",
    "title", "words", "concat", "insert", "remove", "sort", "unpack", "abs", "ceil", "floor",
        "fmod", "max", "min", "round",
    "sqrt", "tointeger", "type", "ult", "add", "business_days", "business_days_between", "day",
        "days", "end_of_month",
    "hours", "is_weekend", "month", "months", "of", "parse", "start_of_month", "start_of_week",
        "weekday", "year", "years",
    "compare", "is_zero", "share", "subtract", "sum", "times", "upper"}
for _, t in ipairs(tables) do
    for _, name in ipairs(names) do
        local f = t[name]
        if f then
            pcall(f)
            for i = 1, #odd do pcall(f, odd[i]) pcall(f, odd[i], odd[i]) pcall(f, odd[i], odd[(i *
                7) % #odd + 1], odd[(i * 5) % #odd + 1]) end
        end
    end
end
