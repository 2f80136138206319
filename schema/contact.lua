-- A person at one client or at several.
return entity "contact" {
  number = 11, plural = "contacts", label = "Contact", title = "name",
  actions = { "archive", "restore", "merge", "erase" },
  duplicates = "contact_duplicate",
  pairs = { { 1, "status", "name" } },
  allow = { owner = "all", pm = "all", employee = "view" },
  tied_by = "client_contact",
  portal = {
    fields = { "name", "title", "emails", "phones" },
    edit = { "name", "emails", "phones" },
    own = "self",
  },

  text "name" {
    1, label = "Name", required = true, index = true, search = true, max = 300, list = 1,
    duplicates = "name",
    synonyms = {
      "contact", "contact name", "contact person", "full name", "person", "ansprechpartner",
      "kontakt", "contacto",
      "primary contact name",
    },
  },
  text "title" {
    2, label = "Title", index = true, search = true, max = 200, list = 2,
    synonyms = {
      "contact title", "job title", "position", "function", "job", "cargo", "funktion",
      "role in company",
    },
  },
  emails "emails" {
    3, label = "E-mail addresses", index = true, search = true, list = 3, duplicates = "email",
    synonyms = { "email", "mail", "email address", "contact email", "contact email address" },
  },
  phones "phones" {
    4, label = "Telephone numbers", index = true, search = true, list = 4, duplicates = "phone",
    synonyms = {
      "phone", "telephone", "tel", "phone number", "telephone number", "contact phone",
      "contact telephone", "direct phone",
      ["mobile"] = "mobile", ["mobile phone"] = "mobile", ["cell"] = "mobile",
      ["cell phone"] = "mobile",
      ["contact mobile"] = "mobile", ["fax"] = "fax", ["contact fax"] = "fax",
    },
  },
  choice "status" {
    5, label = "Status", index = true, set = "contact.status", default = "active", list = 5,
    synonyms = { "contact status", "state of contact" },
  },
  language "language" { 6, label = "Language", index = true, synonyms = { "contact language" } },
  long_text "observations" {
    7, label = "Observations", synonyms = { "contact notes", "notes", "comments" },
  },
  time "archived_at" { 20, label = "Archived", index = true, computed = true },
}, choice_set "contact.status" {
  label = "Statuses of contacts",
  { "tracking", label = "Tracking", color = "#0969da", category = "open" },
  { "prospect", label = "Prospect", color = "#bf8700", category = "open" },
  { "active", label = "Active", color = "#1a7f37", category = "open" },
}
