-- What may follow on what: `old` is the record as it was, `changed` says what is other.
return rule "customers_stay_customers" {
  name = "A customer does not become a lead again",
  note = "Who has once been a customer keeps that stage; the status says what became of it.",
  entity = "client", point = "check", on = { "update" }, changed = { "stage" },
  source = [[
if changed("stage", "customer") then
  reject("was a customer already: change the status instead of the stage", "stage")
end
]],
  tests = {
    {
      name = "back to lead is refused",
      given = {
        record = { name = "Acme", kind = "individual", stage = "lead" },
        old = { name = "Acme", kind = "individual", stage = "customer" },
        operation = "update",
      },
      expected = { outcome = "rejected", field = "stage" },
    },
    {
      name = "forward is fine",
      given = {
        record = { name = "Acme", kind = "individual", stage = "customer" },
        old = { name = "Acme", kind = "individual", stage = "lead" },
        operation = "update",
      },
      expected = { outcome = "done" },
    },
  },
}
