-- A contact's own way into the portal. Passwords and sessions are no records and stand elsewhere.
return entity "portal_account" {
  number = 20, plural = "portal_accounts", label = "Portal account", title = "email",
  allow = { owner = "all", pm = "all" },

  reference "contact" {
    1, label = "Contact", to = "contact", required = true, unique = true, fixed = true,
    on_delete = "cascade", list = 2,
  },
  text "email" {
    2, label = "E-mail", required = true, unique = true, search = true, max = 254, list = 1,
    format = "email", synonyms = { "e-mail", "mail", "login" },
  },
  choice "state" {
    3, label = "State", required = true, index = true, set = "portal_account.state",
    default = "invited", list = 3,
  },
  time "last_sign_in_at" { 4, label = "Last sign-in", index = true, computed = true, list = 4 },
  language "language"    { 5, label = "Language" },
}, choice_set "portal_account.state" {
  label = "States of portal accounts",
  { "invited", label = "Invited", color = "#0969da", category = "open" },
  { "active", label = "Active", color = "#1a7f37", category = "open" },
  { "disabled", label = "Disabled", color = "#cf222e", category = "closed" },
}
