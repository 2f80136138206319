-- TRY: writes without end, errors caught.
-- MUST: ended at the number of writes; nothing catches it.
-- NAMES: db.create db.update db.delete db.link
-- ENDS: failed overran
while true do
    pcall(db.create, "client", {name = "x"}) pcall(db.update, "client", record.id, {name = "y"})
    pcall(db.delete, "client", record.id) pcall(db.link, "client", record.id, "parent", record.id)
end
