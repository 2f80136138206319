-- The names of companies are written the way the firm has settled on.
return rule "company_names" {
  name = "Names of companies are written as the firm wants them",
  note = "Brings the name of a company, when it is typed or imported, into the form that the "
    .. "settings name: without needless blanks, each word with a capital, or all in capitals. As "
    .. "long as the settings say \"as they were typed\" it does nothing and costs nothing.",
  entity = "client", point = "before", state = "active", priority = 10,
  changed = { "name" }, when = { kind = "company" },
  when_settings = { company_names = { "spaces", "title", "upper" } },
  source = [[
local forms = {spaces = text.trim, title = text.title, upper = text.upper}
local form = forms[settings.company_names]
if form and record.name then
  record.name = form(text.trim(record.name))
end
]],
}
