-- A list that somebody keeps by a name: which records, in which order, with which columns.
return entity "view" {
  number = 8, plural = "views", label = "View", title = "name", own_unless = "shared",
  allow = { owner = "all", pm = "all", employee = "all" },

  text "name" { 1, label = "Name", required = true, index = true, max = 100, list = 1 },
  text "entity" {
    2, label = "Entity", required = true, index = true, max = 60, list = 2, means = "entity",
  },
  object  "where"   { 3, label = "Filter", means = "filter" },
  text    "order"   { 4, label = "Order", max = 300, means = "sort" },
  text    "columns" { 5, label = "Columns", max = 2000, means = "fields" },
  text    "group"   { 6, label = "Grouped by", max = 60, means = "group" },
  boolean "shared"  { 7, label = "Seen by everybody", index = true, default = false, list = 3 },
}
