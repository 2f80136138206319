-- A role that the firm makes beside the built-in ones, or in the place of one. The owner may
-- everything and is declared nowhere.
return entity "role" {
  number = 6, plural = "roles", label = "Role", title = "label", shapes_model = true,
  allow = { owner = "all", pm = "view", employee = "view" },

  text "name" {
    1, label = "Name", required = true, unique = true, search = true, fixed = true, max = 48,
    list = 2, pattern = "[a-z][a-z0-9_]*",
  },
  text "label" {
    2, label = "Label", required = true, index = true, search = true, max = 100, list = 1,
  },
  choices "rows"   { 3, label = "Whose clients it sees", set = "role.rows", list = 3 },
  object  "rights" { 4, label = "What it may with each entity" },
  choices "sees"   { 5, label = "Field groups that it sees", set = "role.group" },
  choices "edits"  { 6, label = "Field groups that it edits", set = "role.group" },
  text    "note"   { 7, label = "Note", max = 1000 },
}, choice_set "role.rows" {
  label = "Whose clients a role sees",
  { "own", label = "That it made" },
  { "managed", label = "That it manages" },
  { "assigned", label = "Of projects that it is a member of" },
  { "shared", label = "Shared with it or a team of its" },
  { "all", label = "All" },
}, choice_set "role.group" {
  label = "Field groups",
  { "financials", label = "Financials" },
  { "internal", label = "Internal notes" },
  { "vault", label = "Vault" },
}, role "pm" {
  label = "Project manager", rows = "all", sees = "all", edits = "all", own_entities = "all",
}, role "employee" {
  label = "Employee", rows = { "managed", "assigned", "shared" }, sees = { "internal", "vault" },
  edits = { "internal" }, own_entities = "view",
}, field_group "financials" {
  label = "Financials",
}, field_group "internal" {
  label = "Internal notes",
}, field_group "vault" {
  label = "Vault",
}
