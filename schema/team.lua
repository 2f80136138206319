-- Users who share in what is shared with all of them.
return entity "team" {
  number = 7, plural = "teams", label = "Team", title = "name",
  allow = { owner = "all", pm = "all", employee = "view" },

  text "name" {
    1, label = "Name", required = true, unique = true, search = true, max = 100, list = 1,
  },
  references "members" { 2, label = "Members", to = "user", on_delete = "detach", list = 2 },
}
