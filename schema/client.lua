-- Whom the firm works for: a company or a person.
return entity "client" {
  number = 10, plural = "clients", label = "Client", title = "name",
  actions = { "archive", "restore", "merge", "enable_portal", "erase" },
  duplicates = "client_duplicate",
  pairs = {
    { 1, "status", "name" },
    { 2, "stage", "name" },
    { 3, "account_manager", "name" },
    { 4, "tags", "name" },
    { 5, "status", "updated_at" },
    { 6, "account_manager", "updated_at" },
  },
  allow = {
    owner = "all",
    pm = { "view", "create", "edit", "export" },
    employee = "view",
  },
  holders = {
    managed = { "account_manager" },
    assigned = { "project.members" },
    shared = { "share.user", "share.team" },
  },
  portal = {
    fields = {
      "name", "emails", "phones", "website", "default_address", "primary_contact", "language",
      "currency",
    },
    own = "always",
  },

  text "name" {
    1, label = "Name", required = true, index = true, search = true, max = 300, list = 1,
    duplicates = "name",
    synonyms = {
      "company", "company name", "client", "client name", "customer", "customer name", "account",
      "account name",
      "organization", "organisation", "organization name", "organisation name", "firm", "firma",
      "firmenname",
      "kunde", "kundenname", "unternehmen", "empresa", "cliente", "nombre", "société", "nom",
      "bedrijfsnaam",
      "display name",
    },
  },
  text "business_name" {
    2, label = "Business name", index = true, search = true, max = 300, duplicates = "name",
    synonyms = { "legal name", "trading name", "trade name", "registered name", "razón social" },
  },
  choice "kind" {
    3, label = "Kind", required = true, index = true, set = "client.kind", default = "company",
    synonyms = { "client kind", "customer kind", "client type", "customer type", "account type" },
  },
  choice "stage" {
    4, label = "Stage", required = true, index = true, set = "client.stage", default = "customer",
    synonyms = { "lifecycle stage", "lifecycle", "relationship", "pipeline stage" },
  },
  choice "status" {
    5, label = "Status", required = true, index = true, set = "client.status", default = "active",
    list = 3,
    synonyms = { "client status", "customer status", "account status", "state of client" },
  },
  choice "type" {
    6, label = "Type", index = true, set = "client.type",
    synonyms = { "label", "category", "classification", "segment" },
  },
  choices "tags" {
    7, label = "Tags", index = true, set = "client.tag", list = 7,
    synonyms = { "tag", "labels", "keywords", "schlagworte" },
  },
  choices "groups" {
    8, label = "Groups", index = true, set = "client.group",
    synonyms = { "group", "client group", "customer group", "kundengruppe" },
  },
  emails "emails" {
    9, label = "E-mail addresses", index = true, search = true, list = 5, duplicates = "email",
    synonyms = {
      "email", "mail", "email address", "general email", "company email", "correo",
      "courriel", ["billing email"] = "billing", ["invoice email"] = "billing",
    },
  },
  phones "phones" {
    10, label = "Telephone numbers", index = true, search = true, list = 4, duplicates = "phone",
    synonyms = {
      "phone", "telephone", "tel", "phone number", "telephone number", "main phone", "telefon",
      "telefono",
      ["mobile"] = "mobile", ["mobile phone"] = "mobile", ["cell"] = "mobile",
      ["cell phone"] = "mobile",
      ["mobil"] = "mobile", ["handy"] = "mobile", ["work phone"] = "work",
      ["business phone"] = "work",
      ["office phone"] = "work", ["home phone"] = "home", ["fax"] = "fax", ["fax number"] = "fax",
      ["telefax"] = "fax",
    },
  },
  url "website" {
    11, label = "Website", index = true, search = true,
    synonyms = { "web", "url", "homepage", "web site", "web page", "company website", "domain" },
  },
  choice "source" {
    12, label = "Source", index = true, set = "client.source",
    synonyms = {
      "lead source", "lead origin", "client source", "how did you find us", "origin", "herkunft",
    },
  },
  text "source_note" {
    13, label = "Source, in words", max = 500,
    synonyms = { "source notes", "source detail", "referred by" },
  },
  text "reference" {
    14, label = "Reference", unique = true, search = true, max = 100, list = 8,
    synonyms = {
      "customer id", "client id", "account id", "customer no", "customer number", "client no",
      "client number",
      "account number", "customer code", "client code", "debtor", "debtor number", "debitor",
      "debitorennummer",
      "kundennummer", "kunden nr", "ref", "external id", "id number",
    },
  },
  text "tax_id" {
    15, label = "Tax number", index = true, search = true, max = 50, duplicates = "code",
    synonyms = {
      "tax number", "tax no", "tin", "ein", "steuernummer", "nif", "cif", "fiscal code",
    },
  },
  text "vat_number" {
    16, label = "VAT number", index = true, search = true, max = 50, duplicates = "code",
    synonyms = {
      "vat", "vat id", "vat no", "vat registration", "vat reg no", "ust id", "ust id nr",
      "btw nummer", "gst number",
    },
  },
  text "chamber_of_commerce" {
    17, label = "Chamber of commerce number", index = true, search = true, max = 50,
    duplicates = "code",
    synonyms = {
      "chamber of commerce number", "coc", "coc number", "kvk", "kvk nummer", "company number",
      "registration number",
      "handelsregisternummer",
    },
  },
  text "tax_condition" {
    18, label = "Tax condition", max = 100, synonyms = { "client condition", "tax status" },
  },
  timezone "timezone" { 19, label = "Time zone", synonyms = { "tz", "time zone", "zeitzone" } },
  reference "primary_contact" {
    20, label = "Primary contact", to = "contact", through = "client_contact.is_primary",
    required = true,
    waived_by = "allow_clients_without_contact", list = 2,
    made_when = { kind = "individual" },
    made_from = { name = "name", emails = "emails", phones = "phones" },
    synonyms = { "point of contact", "default contact", "main contact" },
  },
  reference "default_address" {
    21, label = "Default address", to = "address", through = "address.is_default",
    synonyms = { "main address", "primary address" },
  },
  language "language" {
    22, label = "Correspondence language", index = true,
    synonyms = { "correspondence language", "preferred language", "locale", "sprache" },
  },
  currency "currency" {
    23, label = "Currency", index = true,
    synonyms = { "currency code", "preferred currency", "währung" },
  },
  date "admitted_on" {
    24, label = "Client since", index = true,
    synonyms = {
      "date", "client since", "customer since", "admission date", "date added", "start date",
      "kunde seit",
    },
  },
  reference "account_manager" {
    25, label = "Account manager", to = "user", on_delete = "detach", list = 9,
    synonyms = {
      "owner of account", "account owner", "responsible", "assigned to", "manager", "betreuer",
    },
  },
  long_text "observations" {
    26, label = "Observations", group = "internal",
    synonyms = {
      "observation", "notes", "note", "comments", "remarks", "description", "bemerkung",
    },
  },
  text "location" {
    27, label = "Location", index = true, search = true, max = 300,
    synonyms = { "location info", "location data" },
  },
  long_text "financial_note" {
    28, label = "Financial note", group = "financials",
    synonyms = { "billing note", "billing notes", "financial notes", "payment notes" },
  },
  boolean "pinned" {
    29, label = "Pinned: stays active without contact", synonyms = { "keep active", "favorite" },
  },
  boolean "portal_enabled" {
    30, label = "Enable Client Portal", index = true, default = false,
    synonyms = { "client portal", "portal", "portal access" },
  },
  sealed "iban" {
    44, label = "IBAN", format = "iban", index = true, group = "financials",
    synonyms = { "bank account", "bank iban", "account iban", "bankverbindung", "rekeningnummer" },
  },

  time "last_contact_at" { 42, label = "Last contact", index = true, computed = true, list = 6 },
  time "archived_at"     { 43, label = "Archived", index = true, computed = true },
}, choice_set "client.kind" {
  label = "Kinds of client",
  { "company", label = "Company" },
  { "individual", label = "Individual" },
}, choice_set "client.stage" {
  label = "Stages",
  { "lead", label = "Lead", color = "#8250df", category = "open" },
  { "prospect", label = "Prospect", color = "#bf8700", category = "open" },
  { "customer", label = "Customer", color = "#1a7f37", category = "closed" },
}, choice_set "client.status" {
  label = "Statuses of clients",
  { "active", label = "Active", color = "#1a7f37", category = "open" },
  { "past", label = "Past", color = "#57606a", category = "closed" },
  { "potential", label = "Potential", color = "#0969da", category = "open" },
  { "inactive", label = "Inactive", color = "#cf222e", category = "closed" },
}, choice_set "client.type" {
  label = "Types of client", open = true,
}, choice_set "client.tag" {
  label = "Tags", open = true,
}, choice_set "client.group" {
  label = "Groups", open = true,
}, choice_set "client.source" {
  label = "Sources",
  { "referral", label = "Referral" },
  { "google", label = "Google" },
  { "social_media", label = "Social Media" },
  { "yard_sign", label = "Yard Sign" },
  { "vehicle_wrap", label = "Vehicle Wrap" },
  { "website", label = "Website" },
  { "repeat", label = "Repeat" },
  { "other", label = "Other" },
}
