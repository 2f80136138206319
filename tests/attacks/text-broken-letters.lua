-- TRY: bytes that are no UTF-8, cut within letters.
-- MUST: an error, or the same bytes; no read past the end.
-- NAMES: text.fold text.upper text.lower text.title text.trim text.words text.length text.first
--     text.left_pad text.right_pad
-- ENDS: done
for _, s in ipairs({"\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xFF", "a\xC0\x80", "\xED\xA0\x80",
    "x\0y", "\xF4\x90\x80\x80"}) do
    for _, f in ipairs({text.fold, text.upper, text.lower, text.title, text.trim, text.words,
        text.length}) do
        assert(not pcall(f, s))
    end
    assert(not pcall(text.first, s, 1) and not pcall(text.left_pad, s, 9) and not
        pcall(text.right_pad, "x", 9, s))
end
