-- What the firm's admin wants to hold on every road by which a record changes.
return entity "rule" {
  number = 16, plural = "rules", label = "Rule", title = "name",
  allow = { owner = "all", pm = "view" },

  text "name" {
    1, label = "Name", required = true, index = true, search = true, max = 100, list = 1,
  },
  text "entity" {
    2, label = "Entity", required = true, index = true, max = 60, list = 2, means = "entity",
  },
  choice "point" {
    3, label = "When it runs", required = true, index = true, set = "rule.point", list = 3,
  },
  choices "on" { 4, label = "On", set = "rule.on" },
  object  "when" { 5, label = "Only when", means = "condition" },
  choices "changed" { 6, label = "Only when one of these changed", set = "rule.changed" },
  long_text "source" { 7, label = "Script" },
  object  "set"    { 8, label = "Sets these values" },
  text    "reject" { 9, label = "Rejects with this message", max = 500 },
  text    "reject_field" { 10, label = "… on this field", max = 60 },
  choice "state" {
    11, label = "State", required = true, index = true, set = "rule.state", default = "draft",
    list = 4,
  },
  number  "priority" { 12, label = "Order", index = true, default = 100, list = 5 },
  text    "note"     { 13, label = "Note on this version", max = 1000 },
  choice  "every"    { 14, label = "Every", set = "rule.every" },
  choice  "in_imports" {
    15, label = "In imports", set = "rule.in_imports", default = "each",
  },
  text    "builtin"  { 16, label = "In place of the built-in rule", unique = true, max = 60 },
  number  "version_number" { 17, label = "Version", computed = true, list = 6 },
  choices "reads"    { 18, label = "Reads", computed = true, set = "rule.path" },
  choices "writes"   { 19, label = "Writes", computed = true, set = "rule.path" },
  long_text "remarks" { 20, label = "Worth a look", computed = true },
  text    "problem"  { 21, label = "Why it was switched off", computed = true, max = 1000 },
  time    "ran_at"   { 22, label = "Last run by the clock", computed = true },
}, choice_set "rule.point" {
  label = "When rules run",
  { "before", label = "Before a record is saved" },
  { "after", label = "After it is saved, in the same change" },
  { "check", label = "On the final state of the change" },
  { "settled", label = "After the change is settled" },
  { "schedule", label = "By the clock" },
  { "action", label = "By a button" },
}, choice_set "rule.on" {
  label = "What is done with the record",
  { "create", label = "Created" },
  { "update", label = "Changed" },
  { "delete", label = "Deleted" },
}, choice_set "rule.state" {
  label = "States of rules",
  { "draft", label = "Draft", color = "#57606a" },
  { "active", label = "Active", color = "#1a7f37", category = "open" },
  { "off", label = "Off", color = "#cf222e", category = "closed" },
}, choice_set "rule.every" {
  label = "How often",
  { "hour", label = "Hour" },
  { "day", label = "Day" },
  { "week", label = "Week" },
  { "month", label = "Month" },
}, choice_set "rule.in_imports" {
  label = "What an import does with a rule for settled changes",
  { "each", label = "For each row" },
  { "once", label = "Once with all rows" },
  { "not", label = "Not" },
}, choice_set "rule.changed" {
  label = "Fields", open = true,
}, choice_set "rule.path" {
  label = "Paths of fields", open = true,
}
