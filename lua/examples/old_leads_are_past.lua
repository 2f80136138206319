-- By the clock: every week, for each client that matches.
return rule "old_leads_are_past" {
  name = "Leads of whom nobody hears are past",
  note = "A lead without contact for half a year gets the status past.",
  entity = "client", point = "schedule", every = "week",
  when = { stage = "lead", status = { ne = "past" } },
  source = [[
local since = record.last_contact_at or record.created_at
if since < date.add(today, {months = -6}) then
  db.update("client", record.id, {status = "past"})
  log("past: " .. record.name)
end
]],
  tests = {
    {
      name = "a fresh lead stays",
      given = { record = { name = "Acme", kind = "individual", stage = "lead" } },
      expected = { outcome = "done", changes = {} },
    },
  },
}
