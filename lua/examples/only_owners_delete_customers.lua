-- Who acts: `actor` says who changes the record, and through what.
return rule "only_owners_delete_customers" {
  name = "Only owners delete customers",
  note = "Everybody else is asked to make the customer inactive instead.",
  entity = "client", point = "before", on = { "delete" }, when = { stage = "customer" },
  source = [[
for _, role in ipairs(actor.roles) do
  if role == "owner" then return end
end
reject("only an owner may delete a customer: make it inactive instead")
]],
  tests = {
    {
      name = "an owner may",
      given = {
        record = { name = "Acme", kind = "individual", stage = "customer" },
        operation = "delete",
      },
      expected = { outcome = "done" },
    },
  },
}
