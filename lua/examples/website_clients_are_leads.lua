-- Values that follow from others, given without a script.
return rule "website_clients_are_leads" {
  name = "Who comes by the website is a lead",
  note = "A new client whose source is the website begins as a lead with the status potential.",
  entity = "client", point = "before", on = { "create" },
  when = { source = "website" },
  set = { stage = "lead", status = "potential" },
  tests = {
    {
      name = "a client from the website becomes a lead",
      given = { record = { name = "Acme", kind = "individual", source = "website" } },
      expected = {
        outcome = "done",
        changes = {
          {
            entity = "client",
            fields = { stage = { to = "lead" }, status = { to = "potential" } },
          },
        },
      },
    },
    {
      name = "one that was recommended stays what it is",
      given = { record = { name = "Acme", kind = "individual", source = "referral" } },
      expected = { fired = false },
    },
  },
}
