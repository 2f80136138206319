-- What leaves the house is queued once the change is durable: no mail for what did not happen.
return rule "welcome_mail" {
  name = "A mail to welcome new customers",
  note = "Writes to the first address of a client that has just become a customer.",
  entity = "client", point = "settled", changed = { "stage" },
  when = { stage = "customer", emails = { empty = false } }, in_imports = "not",
  source = [[
queue.mail {
  to = record.emails[1].value,
  subject = "Welcome at " .. settings.title,
  text = "Dear " .. record.name .. ",\n\nthank you for choosing us.",
  record = record.id,
}
]],
  tests = {
    {
      name = "a mail is queued",
      given = {
        record = {
          name = "Acme", kind = "individual", stage = "customer", emails = { "ann@acme.example" },
        },
      },
      expected = {
        outcome = "done",
        effects = { { kind = "mail", given = { to = "ann@acme.example" } } },
      },
    },
  },
}
