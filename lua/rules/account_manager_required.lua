-- A client that is worked for has somebody who answers for it.
return rule "account_manager_required" {
  name = "Active clients have an account manager",
  note = "Refuses a change that makes a client active, or takes the account manager of an active "
    .. "one, and leaves it without.",
  entity = "client", point = "check", state = "off",
  changed = { "status", "account_manager" },
  when = { status = "active", account_manager = { empty = true } },
  reject = "An active client needs an account manager.", reject_field = "account_manager",
}
