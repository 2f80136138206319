-- A place of a client, for letters, invoices or work.
return entity "address" {
  number = 13, plural = "addresses", label = "Address", title = "line1", via = "client",
  pairs = { { 1, "country", "city" } },
  allow = { owner = "all", pm = "all", employee = "view" },
  portal = {
    fields = {
      "kind", "line1", "line2", "city", "region", "postal_code", "country", "is_default",
    },
  },

  reference "client" { 1, label = "Client", to = "client", required = true, on_delete = "cascade" },
  choice "kind" {
    2, label = "Kind", required = true, index = true, set = "address.kind", default = "office",
    list = 2,
    synonyms = { "address kind", "address type" },
  },
  text "line1" {
    3, label = "Street", required = true, index = true, search = true, max = 200, list = 1,
    waived_by = "allow_addresses_without_street",
    synonyms = {
      "address", "street", "street address", "address 1", "address line 1", "address line", "addr",
      "straße",
      "anschrift", "adresse", "calle", "dirección", "rue", "billing address", "billing street",
      "mailing address",
    },
  },
  text "line2" {
    4, label = "Second line", search = true, max = 200,
    synonyms = {
      "address 2", "address line 2", "suite", "unit", "apartment", "zusatz", "adresszusatz",
    },
  },
  text "city" {
    5, label = "City", index = true, search = true, max = 100, list = 3,
    synonyms = { "town", "ort", "stadt", "ciudad", "ville", "billing city", "locality" },
  },
  text "region" {
    6, label = "Region", index = true, search = true, max = 100,
    synonyms = {
      "state", "province", "county", "state province", "bundesland", "provincia", "billing state",
    },
  },
  text "postal_code" {
    7, label = "Postal code", index = true, search = true, max = 20,
    synonyms = {
      "zip", "zip code", "postcode", "plz", "postleitzahl", "código postal", "code postal",
      "billing zip",
    },
  },
  country "country" {
    8, label = "Country", index = true, list = 4,
    synonyms = {
      "country code", "country name", "land", "staat", "país", "pays", "billing country",
    },
  },
  boolean "is_default" {
    9, label = "Default address", default = false, one_of = { per = "client", at_least = 1 },
    list = 5,
  },
}, choice_set "address.kind" {
  label = "Kinds of address",
  { "office", label = "Office" },
  { "billing", label = "Billing" },
  { "mailing", label = "Mailing" },
  { "project_site", label = "Project site" },
}
