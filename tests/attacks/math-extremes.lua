-- TRY: numbers at the edges of what fits.
-- MUST: a number or an error, no trap of the processor.
-- NAMES: math.abs math.ceil math.floor math.fmod math.max math.min math.round math.sqrt
--     math.tointeger math.type math.ult math.huge math.pi math.maxinteger math.mininteger
-- ENDS: done
local edges = {0, -0.0, 1, -1, 0.5, -0.5, math.maxinteger, math.mininteger, math.huge, -math.huge,
    0/0, 1e308, -1e308,
    5e-324, 2^53, 2^63, -2^63, math.pi, "7", "0x7", "x", {}, true}
for _, f in ipairs({math.abs, math.ceil, math.floor, math.round, math.sqrt, math.tointeger,
    math.type, math.max, math.min,
        math.fmod, math.ult}) do
    pcall(f)
    for i = 1, #edges do
        pcall(f, edges[i])
        for j = 1, #edges do pcall(f, edges[i], edges[j]) end
    end
end
assert(math.fmod(math.mininteger, -1) == 0 and not pcall(math.fmod, 1, 0))
for i = 1, #edges do for j = 1, #edges do
    pcall(function() return edges[i] // edges[j] end) pcall(function() return edges[i] % edges[j]
        end)
    pcall(function() return edges[i] << edges[j] end) pcall(function() return edges[i] ^ edges[j]
        end)
end end
