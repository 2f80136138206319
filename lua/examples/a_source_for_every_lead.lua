-- Where did this lead come from? Asked without a script: such a rule costs next to nothing.
return rule "a_source_for_every_lead" {
  name = "Every lead has a source",
  note = "A lead is refused until somebody says where it came from.",
  entity = "client", point = "check",
  when = { stage = "lead", source = { empty = true } },
  reject = "Say where this lead came from.", reject_field = "source",
  tests = {
    {
      name = "a lead without a source is refused",
      given = { record = { name = "Acme", kind = "individual", stage = "lead" } },
      expected = { outcome = "rejected", field = "source" },
    },
    {
      name = "a customer needs none",
      given = { record = { name = "Acme", kind = "individual", stage = "customer" } },
      expected = { fired = false },
    },
  },
}
