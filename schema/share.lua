-- That a client is shared with a user or a team, who see it then whoever manages it.
return entity "share" {
  number = 19, plural = "shares", label = "Share", title = "user", via = "client",
  allow = { owner = "all", pm = "all", employee = "view" },

  reference "client" {
    1, label = "Client", to = "client", required = true, fixed = true, on_delete = "cascade",
    list = 1,
  },
  reference "user" {
    2, label = "User", to = "user", on_delete = "cascade", list = 2,
    required_when = { team = { empty = true } }, visible_when = { team = { empty = true } },
  },
  reference "team" {
    3, label = "Team", to = "team", on_delete = "cascade", list = 3,
    required_when = { user = { empty = true } }, visible_when = { user = { empty = true } },
  },
  text "note" { 4, label = "Note", max = 500, list = 4 },
}
