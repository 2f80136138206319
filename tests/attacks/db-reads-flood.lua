-- TRY: questions without end, errors caught.
-- MUST: ended at the number of reads; nothing catches it.
-- NAMES: db.get db.find db.count
-- ENDS: failed overran
while true do
    pcall(db.get, "client", record.id) pcall(db.find, "client", {name = "x"}) pcall(db.count,
        "client", {})
end
