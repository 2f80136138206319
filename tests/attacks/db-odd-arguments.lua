-- TRY: arguments that are nothing, too large, circular, of another kind.
-- MUST: errors; frames stay whole.
-- NAMES: db.get db.find db.count db.create db.update db.delete db.link
-- ENDS: done failed
local circle = {} circle.circle = circle
local odd = {0, 0/0, "", "\xFF", ("x"):rep(100000), {}, {[1] = 1, x = 2}, circle, pcall, record,
    true, {x = {y = {z = pcall}}}}
for _, f in ipairs({db.get, db.find, db.count, db.create, db.update, db.delete, db.link}) do
    pcall(f)
    for i = 1, #odd do
        pcall(f, odd[i]) pcall(f, "client", odd[i]) pcall(f, "client", record.id, odd[i]) pcall(f,
            "client", record.id, "name", odd[i])
    end
end
