-- That a portal account sees a client's records: what is the contact's own, or all of the client.
return entity "portal_right" {
  number = 21, plural = "portal_rights", label = "Portal right", title = "account",
  via = "client",
  pairs = { { 1, "account", "client", "unique" } },
  allow = { owner = "all", pm = "all" },

  reference "account" {
    1, label = "Portal account", to = "portal_account", required = true, fixed = true,
    on_delete = "cascade", list = 1,
  },
  reference "client" {
    2, label = "Client", to = "client", required = true, fixed = true, on_delete = "cascade",
    list = 2,
  },
  choice "right" {
    3, label = "Right", required = true, index = true, set = "portal_right.right",
    default = "own", list = 3,
  },
}, choice_set "portal_right.right" {
  label = "Rights at the portal",
  { "own", label = "Own only" },
  { "all", label = "All of the client" },
}
