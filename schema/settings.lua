-- The settings of a firm: one record, made with the tenant.
return entity "settings" {
  number = 1, plural = "settings", label = "Settings", title = "title", single = true,
  allow = { owner = "all", pm = "view", employee = "view" },

  text     "title"    { 1, label = "Name of the firm", required = true, max = 200, list = 1 },
  country  "country"  { 2, label = "Default country" },
  currency "currency" { 3, label = "Default currency", required = true, default = "EUR" },
  language "language" { 4, label = "Default language", required = true, default = "en" },
  timezone "timezone" { 5, label = "Default time zone", required = true, default = "UTC" },
  boolean  "allow_clients_without_contact" {
    6, label = "Companies may be saved without a primary contact", default = false,
  },
  boolean  "allow_addresses_without_street" {
    7, label = "Addresses may be saved without their first line", default = false,
  },
  choice "company_names" {
    8, label = "How names of companies are written", set = "settings.company_names",
    default = "as_typed",
  },
}, choice_set "settings.company_names" {
  label = "How names of companies are written",
  { "as_typed", label = "As they were typed" },
  { "spaces", label = "Without needless blanks" },
  { "title", label = "Each Word With A Capital" },
  { "upper", label = "IN CAPITALS" },
}
