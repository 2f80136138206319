-- A record, and what a rule must make of it. All of a rule's tests run before it is activated.
return entity "rule_test" {
  number = 18, plural = "rule_tests", label = "Test of a rule", title = "name", via = "rule",
  allow = { owner = "all", pm = "view" },

  reference "rule" {
    1, label = "Rule", to = "rule", required = true, fixed = true, on_delete = "cascade", list = 1,
  },
  text "name" { 2, label = "Name", required = true, index = true, max = 200, list = 2 },
  object "given"   { 3, label = "The run as it was asked for" },
  object "answers" { 4, label = "What the run was answered" },
  object "expected" { 5, label = "What must come of it", required = true },
}
