-- `check` sees the final state of the change: the address may be made in the same one.
return rule "customers_have_an_address" {
  name = "Customers have an address",
  note = "A client that becomes a customer has at least one address.",
  entity = "client", point = "check", changed = { "stage" }, when = { stage = "customer" },
  source = [[
if db.count("address", {client = record.id}) == 0 then
  reject("a customer needs an address", "default_address")
end
]],
  tests = {
    {
      name = "without an address it is refused",
      given = { record = { name = "Acme", kind = "individual", stage = "customer" } },
      expected = { outcome = "rejected", message = "a customer needs an address" },
    },
  },
}
