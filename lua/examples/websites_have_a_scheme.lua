-- A `before` rule may change the record that is about to be saved.
return rule "websites_have_a_scheme" {
  name = "Websites begin with https://",
  note = "Puts https:// before a website that was typed without it.",
  entity = "client", point = "before", changed = { "website" },
  when = { website = { empty = false } },
  source = [[
local site = text.lower(text.trim(record.website))
if not text.contains(site, "://") then
  record.website = "https://" .. site
end
]],
  tests = {
    {
      name = "the scheme is put before it",
      given = { record = { name = "Acme", kind = "individual", website = "Acme.example" } },
      expected = {
        outcome = "done",
        changes = { { entity = "client", fields = { website = { to = "https://acme.example" } } } },
      },
    },
    {
      name = "one that has a scheme stays",
      given = { record = { name = "Acme", kind = "individual", website = "http://acme.example" } },
      expected = { outcome = "done", changes = {} },
    },
  },
}
