-- A client of whom nobody has heard for a year is no longer counted among the active ones.
return rule "inactive_after_a_year" {
  name = "Clients without contact for a year become inactive",
  note = "Looks once a day at the active clients. One whose last contact, or else its creation, "
    .. "lies more than twelve months back becomes inactive, unless it is pinned.",
  entity = "client", point = "schedule", every = "day", state = "active",
  when = { status = "active", pinned = { ne = true } },
  source = [[
local since = record.last_contact_at or record.created_at
if since < date.add(today, {months = -12}) then
  db.update("client", record.id, {status = "inactive"})
end
]],
}
