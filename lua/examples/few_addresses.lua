-- Counting other records: changes of one firm run one after another, so the count is always right.
return rule "few_addresses" {
  name = "At most ten addresses of one client",
  note = "More than ten addresses of one client are a mistake of an import.",
  entity = "address", point = "after", on = { "create" },
  source = [[
local count = db.count("address", {client = record.client})
if count > 10 then
  reject("this client has " .. count .. " addresses already", "client")
end
]],
  tests = {
    {
      name = "the first one is fine",
      given = { record = { client = { name = "Acme", kind = "individual" }, line1 = "Road 1" } },
      expected = { outcome = "done" },
    },
  },
}
