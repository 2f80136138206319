-- TRY: addresses with line ends, bodies without end, what is no table.
-- MUST: errors; frames stay whole.
-- NAMES: queue.mail queue.task queue.notify queue.webhook queue.start secret
-- ENDS: done failed
local circle = {} circle.circle = circle
local odd = {0, "", "a@b.example\r\nBcc: c@d.example", "\xFF", ("x"):rep(100000), {}, circle,
    pcall, record, secret("key"), {to = circle},
    {to = "a@b\n", subject = ("x"):rep(100000), text = secret("key")}, {url =
        "file:///etc/passwd"}, {url = "http://127.0.0.1"}}
for _, f in ipairs({queue.mail, queue.task, queue.notify, queue.webhook, queue.start}) do
    pcall(f)
    for i = 1, #odd do pcall(f, odd[i]) pcall(f, odd[i], odd[i]) end
end
