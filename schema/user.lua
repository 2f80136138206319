-- A person of the firm who signs in. Passwords and sessions are no records and stand elsewhere.
return entity "user" {
  number = 2, plural = "users", label = "User", title = "name",
  allow = { owner = "all", pm = "view", employee = "view" },

  text     "email"    {
    1, label = "E-mail", required = true, unique = true, search = true, max = 254, list = 2,
    format = "email", synonyms = { "e-mail", "mail", "login" },
  },
  text "name" {
    2, label = "Name", required = true, index = true, search = true, max = 200, list = 1,
  },
  choice "role" {
    3, label = "Role", required = true, index = true, set = "user.role", default = "owner",
    list = 3,
  },
  boolean  "disabled" { 4, label = "Disabled", index = true, default = false, list = 4 },
  language "language" { 5, label = "Language" },
  timezone "timezone" { 6, label = "Time zone" },
}, choice_set "user.role" {
  label = "Roles",
  { "owner", label = "Owner" },
  { "pm", label = "Project manager" },
  { "employee", label = "Employee" },
}
