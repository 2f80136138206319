-- An `after` rule reads and changes other records, in the same change.
return rule "language_of_the_country" {
  name = "The language follows from the country",
  note = "A client without a language gets that of the country of its first address.",
  entity = "address", point = "after", changed = { "country" },
  when = { country = { "DE", "AT", "FR", "ES", "IT", "NL" } },
  source = [[
local languages = {DE = "de", AT = "de", FR = "fr", ES = "es", IT = "it", NL = "nl"}
local client = db.get("client", record.client)
if client and not client.language then
  db.update("client", client.id, {language = languages[record.country]})
end
]],
  tests = {
    {
      name = "the client gets the language",
      given = {
        record = {
          client = { name = "Acme", kind = "individual" }, line1 = "Ring 1", country = "AT",
        },
      },
      expected = {
        outcome = "done",
        changes = { { entity = "client", fields = { language = { to = "de" } } } },
      },
    },
    {
      name = "a client that has one keeps it",
      given = {
        record = {
          client = { name = "Acme", kind = "individual", language = "en" },
          line1 = "Ring 1", country = "AT",
        },
      },
      expected = { outcome = "done", changes = {} },
    },
  },
}
