-- The smallest script: look at the record, and refuse it.
return rule "no_test_clients" {
  name = "No test clients",
  note = "Refuses clients whose name has the word test in it.",
  entity = "client", point = "before", changed = { "name" },
  source = [[
if text.contains(text.fold(record.name), "test") then
  reject("no test clients, please", "name")
end
]],
  tests = {
    {
      name = "a test client is refused",
      given = { record = { name = "My TEST client", kind = "individual" } },
      expected = { outcome = "rejected", message = "no test clients, please", field = "name" },
    },
    {
      name = "any other is not",
      given = { record = { name = "Acme", kind = "individual" } },
      expected = { outcome = "done", changes = {} },
    },
  },
}
