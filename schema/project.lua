-- Work for a client. Its members see the client.
return entity "project" {
  number = 23, plural = "projects", label = "Project", title = "name", via = "client",
  pairs = { { 1, "status", "name" } },
  allow = { owner = "all", pm = "all", employee = "view" },
  portal = { fields = { "name", "status", "starts_on", "ends_on" } },

  text "name" {
    1, label = "Name", required = true, index = true, search = true, max = 300, list = 1,
  },
  reference "client" {
    2, label = "Client", to = "client", required = true, on_delete = "restrict", list = 2,
  },
  choice "status" {
    3, label = "Status", required = true, index = true, set = "project.status",
    default = "planned", list = 3,
  },
  references "members" { 4, label = "Members", to = "user", on_delete = "detach", list = 4 },
  date "starts_on"     { 5, label = "Begins", index = true, list = 5 },
  date "ends_on"       { 6, label = "Ends", index = true, list = 6 },
  long_text "description" { 7, label = "Description", group = "internal" },
}, choice_set "project.status" {
  label = "Statuses of projects",
  { "planned", label = "Planned", color = "#57606a", category = "open" },
  { "active", label = "Active", color = "#1a7f37", category = "open" },
  { "on_hold", label = "On hold", color = "#bf8700", category = "open" },
  { "done", label = "Done", color = "#0969da", category = "closed" },
}
