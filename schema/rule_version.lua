-- What a rule said at one time. The engine makes one with each change of what the rule does; people
-- make one to work on a rule while the active one stands.
return entity "rule_version" {
  number = 17, plural = "rule_versions", label = "Version of a rule", title = "note", via = "rule",
  allow = { owner = "all", pm = "view" },

  reference "rule" {
    1, label = "Rule", to = "rule", required = true, fixed = true, on_delete = "cascade", list = 1,
  },
  number    "version_number" { 2, label = "Version", computed = true, list = 2 },
  choices   "on"      { 3, label = "On", set = "rule.on", fixed = true },
  object    "when"    { 4, label = "Only when", fixed = true },
  choices   "changed" {
    5, label = "Only when one of these changed", set = "rule.changed", fixed = true,
  },
  long_text "source"  { 6, label = "Script", fixed = true },
  object    "set"     { 7, label = "Sets these values", fixed = true },
  text      "reject"  { 8, label = "Rejects with this message", max = 500, fixed = true },
  text      "reject_field" { 9, label = "… on this field", max = 60, fixed = true },
  text      "note"    { 10, label = "Note", max = 1000, list = 3 },
}
