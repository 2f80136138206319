-- TRY: letters that become many when they are folded.
-- MUST: paid for, bounded.
-- NAMES: text.fold text.upper text.lower text.title text.trim
-- ENDS: overran failed
local s = ("\u{FDFA}\u{1F82}\u{149}"):rep(30000)
while true do local _ = text.fold(s), text.upper(s), text.lower(s), text.title(s), text.trim(s) end
