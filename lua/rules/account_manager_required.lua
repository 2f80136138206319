-- A client that is worked for has somebody who answers for it.
return rule "account_manager_required" {
  label = "Active clients have an account manager",
  text = "Refuses a change that makes a client Active, or takes the account manager of an active "
    .. "one, and leaves it without.",
  entity = "client", point = "check", state = "off", priority = 100,
  changed = { "status", "account_manager" },
  when = { status = "active", account_manager = { empty = true } },
  reject = "An active client needs an account manager.", reject_field = "account_manager",
}
