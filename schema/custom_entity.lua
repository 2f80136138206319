-- An entity of the firm's own. Its records have a name; all else of them is said by custom fields.
return entity "custom_entity" {
  number = 5, plural = "custom_entities", label = "Own entity", title = "name",
  shapes_model = true,
  allow = { owner = "all", pm = "view", employee = "view" },

  text "name" {
    1, label = "Name", required = true, index = true, search = true, fixed = true, max = 48,
    list = 1,
    pattern = "[a-z][a-z0-9_]*",
  },
  text "plural" {
    2, label = "Plural, its name in addresses", required = true, index = true, fixed = true,
    max = 48,
    list = 2,
    pattern = "[a-z][a-z0-9_]*",
  },
  text   "label"       { 3, label = "Label", search = true, max = 100, list = 3 },
  text   "title_label" { 4, label = "Label of the name of its records", max = 100 },
  number "number"      { 5, label = "Number", computed = true },
}
