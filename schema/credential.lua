-- schema/credential.lua: what opens an account of a client elsewhere, for those working for it.
return entity "credential" {
  number = 22, plural = "credentials", label = "Credential", title = "platform", via = "client",
  allow = { owner = "all", pm = "all", employee = "view" },

  reference "client"      { 1, to = "client", required = true, on_delete = "cascade" },
  text      "platform"    { 2, required = true, max = 100, index = true, search = true, list = 1 },
  text      "address"     { 3, max = 500, list = 2 },
  text      "user_name"   { 4, label = "User name", max = 200, list = 3, group = "vault" },
  secret    "secret"      { 5, label = "Password or key", group = "vault" },
  long_text "note"        { 6, label = "Note", group = "vault" },
  date      "valid_until" { 7, label = "Valid until", index = true, list = 4 },
}
