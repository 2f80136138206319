-- That a contact belongs to a client, and what it does there.
return entity "client_contact" {
  number = 12, plural = "client_contacts", label = "Contact of a client", title = "contact",
  via = "client",
  allow = { owner = "all", pm = "all", employee = "view" },

  reference "client" {
    1, label = "Client", to = "client", required = true, on_delete = "cascade", list = 1,
  },
  reference "contact" {
    2, label = "Contact", to = "contact", required = true, on_delete = "cascade", list = 2,
  },
  choice "role" {
    3, label = "Role", index = true, set = "client_contact.role", list = 3,
    synonyms = { "contact role" },
  },
  boolean "is_primary" {
    4, label = "Primary contact", default = false, one_of = { per = "client", at_least = 1 },
    list = 4,
  },
}, choice_set "client_contact.role" {
  label = "Roles of contacts", open = true,
  { "decision_maker", label = "Decision maker" },
  { "billing_contact", label = "Billing contact" },
  { "project_manager", label = "Project manager" },
  { "point_of_contact", label = "Point of contact" },
  { "technical_contact", label = "Technical contact" },
}
