-- The firm's own choices: beside the built-in ones of a set, or in the place of one of them.
return entity "choice" {
  number = 3, plural = "choices", label = "Choice", title = "label", shapes_model = true,
  allow = { owner = "all", pm = "view", employee = "view" },

  text "set" {
    1, label = "Set", required = true, index = true, fixed = true, max = 97,
    pattern = [[[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?]], list = 1,
  },
  text "value" {
    2, label = "Value", required = true, index = true, fixed = true, max = 100, list = 2,
  },
  text "label" {
    3, label = "Label", required = true, index = true, search = true, max = 100, list = 3,
  },
  text    "color"     { 4, label = "Colour", pattern = "#[0-9a-f]{6}" },
  choice  "category"  { 5, label = "Category", set = "choice.category" },
  choices "next"      { 6, label = "May be followed by", set = "choice.next" },
  number  "position"  { 7, label = "Position", index = true, list = 4 },
  boolean "is_active" { 8, label = "Offered", index = true, default = true, list = 5 },
}, choice_set "choice.category" {
  label = "Categories",
  { "open", label = "Open" },
  { "closed", label = "Closed" },
}, choice_set "choice.next" {
  label = "Following choices", open = true,
}
