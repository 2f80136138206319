-- Dates: in three business days somebody shall call.
return rule "call_new_prospects" {
  name = "Call new prospects within three business days",
  note = "Makes a task for the account manager when a client becomes a prospect.",
  entity = "client", point = "settled", changed = { "stage" }, when = { stage = "prospect" },
  source = [[
queue.task {
  title = "Call " .. record.name,
  due = date.business_days(today, 3),
  assignee = record.account_manager or actor.id,
  record = record.id,
}
]],
  tests = {
    {
      name = "a Friday's prospect is called on Wednesday",
      given = {
        record = { name = "Acme", kind = "individual", stage = "prospect" },
        now = "2026-11-20T10:00:00.000Z",
      },
      expected = {
        outcome = "done",
        effects = { { kind = "task", given = { title = "Call Acme", due = "2026-11-25" } } },
      },
    },
  },
}
