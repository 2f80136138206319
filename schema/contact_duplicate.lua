-- Two contacts that may be one and the same, found by a scan, to be merged or dismissed.
return entity "contact_duplicate" {
  number = 15, plural = "contact_duplicates", label = "Possible duplicate contact", title = "first",
  via = "first",
  allow = { owner = "all", pm = "all" },

  reference "first" {
    1, label = "First", to = "contact", required = true, fixed = true, on_delete = "cascade",
    list = 1,
  },
  reference "second" {
    2, label = "Second", to = "contact", required = true, fixed = true, on_delete = "cascade",
    list = 2,
  },
  text "why" { 3, label = "Alike in", max = 300, list = 3 },
  number "score" { 4, label = "How alike, up to 100", index = true, list = 4 },
  choice "state" {
    5, label = "State", required = true, index = true, set = "contact_duplicate.state",
    default = "open", list = 5,
  },
}, choice_set "contact_duplicate.state" {
  label = "States of possible duplicate contacts",
  { "open", label = "Open", color = "#bf8700", category = "open" },
  { "dismissed", label = "No duplicate", color = "#6e7781", category = "closed" },
  { "merged", label = "Merged", color = "#1a7f37", category = "closed" },
}
