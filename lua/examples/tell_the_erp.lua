-- Another system is told by a webhook; the secret is named, never seen.
return rule "tell_the_erp" {
  name = "Tell the bookkeeping of new customers",
  note = "Sends name and tax number of a new customer to the bookkeeping.",
  entity = "client", point = "settled", changed = { "stage", "vat_number" },
  when = { stage = "customer" },
  source = [[
queue.webhook {
  url = "https://erp.example/customers",
  headers = {Authorization = secret "erp"},
  body = {id = record.id, name = record.name, vat = record.vat_number},
}
]],
  tests = {
    {
      name = "the webhook is queued",
      given = {
        record = {
          name = "Acme", kind = "individual", stage = "customer", vat_number = "DE123456789",
        },
      },
      expected = { outcome = "done", effects = { { kind = "webhook" } } },
    },
  },
}
