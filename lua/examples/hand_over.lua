-- A button: `input` is what was asked for with it.
return rule "hand_over" {
  name = "Hand a client over",
  note = "Gives the client another account manager, who is told of it.",
  entity = "client", point = "action",
  source = [[
if not input or not input.to then
  reject("say to whom: {\"to\": the id of a user}")
end
if not db.get("user", input.to) then
  reject("there is no such user")
end
record.account_manager = input.to
queue.notify {to = input.to, text = record.name .. " is yours now.", record = record.id}
]],
  tests = {
    {
      name = "somebody must be named",
      given = { record = { name = "Acme", kind = "individual" } },
      expected = { outcome = "rejected" },
    },
  },
}
