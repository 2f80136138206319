-- How the columns of a table go to fields, kept by a name for the next table of the same form.
return entity "import_mapping" {
  number = 9, plural = "import_mappings", label = "Import mapping", title = "name",
  allow = { owner = "all", pm = "all" },

  text "name" {
    1, label = "Name", required = true, unique = true, search = true, max = 100, list = 1,
  },
  text "entity" { 2, label = "Entity", required = true, index = true, max = 60, list = 2 },
  object "map" { 3, label = "Columns and their fields" },
  text "match" { 4, label = "Field that finds records", max = 60, list = 3 },
  choice "mode" { 5, label = "Mode", set = "import_mapping.mode", list = 4 },
  object "settings" { 6, label = "Settings" },
}, choice_set "import_mapping.mode" {
  label = "What an import does",
  { "create", label = "Create records" },
  { "update", label = "Update those that are there" },
  { "upsert", label = "Update those that are there, create the others" },
}
