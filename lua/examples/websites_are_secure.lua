-- A `before` rule may change the record that is about to be saved.
return rule "websites_are_secure" {
  name = "Websites begin with https://",
  note = "Writes https:// where a website was typed with http://.",
  entity = "client", point = "before", changed = { "website" },
  when = { website = { prefix = "http://" } },
  source = [[
record.website = text.replace(record.website, "http://", "https://")
]],
  tests = {
    {
      name = "http becomes https",
      given = {
        record = { name = "Acme", kind = "individual", website = "http://acme.example" },
      },
      expected = {
        outcome = "done",
        changes = { { entity = "client", fields = { website = { to = "https://acme.example" } } } },
      },
    },
    {
      name = "one that is secure stays",
      given = {
        record = { name = "Acme", kind = "individual", website = "https://acme.example" },
      },
      expected = { fired = false },
    },
  },
}
