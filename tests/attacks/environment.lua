-- TRY: reach or change what belongs to others by the environment.
-- MUST: nothing is there, and nothing stays.
-- NAMES: string.upper math.abs
-- ENDS: done
leaked = 1
tostring = function() return "mine" end
assert(_ENV.leaked == 1 and _G == nil and _ENV._ENV == nil)
for _, name in ipairs({"os", "io", "debug", "package", "require", "load", "loadfile", "dofile",
    "getmetatable", "setmetatable",
        "rawget", "rawset", "rawequal", "rawlen", "coroutine", "collectgarbage", "xpcall", "print",
            "warn", "utf8"}) do
    assert(_ENV[name] == nil, name)
end
for _, name in ipairs({"dump", "pack", "unpack", "packsize"}) do assert(string[name] == nil, name)
    end
for _, t in ipairs({string, text, table, math, date, money}) do
    assert(not pcall(function() t.leaked = 1 end) and not pcall(function() t[1] = 1 end))
end
_ENV = {}
