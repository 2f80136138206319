-- TRY: every malformed pattern, also cut off at each byte.
-- MUST: an error each, no read past the end.
-- NAMES: string.match string.find string.gmatch string.gsub
-- ENDS: done
local whole = "^(%a-[^%]%-a-z][]]%b()%f[%w]()%1?)$%"
for cut = 0, #whole do
    for _, s in ipairs({"", "a", "(a)]-b", ("x"):rep(300)}) do
        local pattern = whole:sub(1, cut)
        pcall(string.match, s, pattern) pcall(string.find, s, pattern, -1)
        pcall(string.gsub, s, pattern, "%1") pcall(function() for _ in s:gmatch(pattern) do end end)
    end
end
for _, pattern in ipairs({"[", "[^", "[%", "[a-", "%", "%b", "%bx", "%f", "%f[", "(", ")", "%9",
    "()%1", "[]"}) do
    pcall(string.find, "abc", pattern) pcall(string.gsub, "abc", pattern, "")
end
