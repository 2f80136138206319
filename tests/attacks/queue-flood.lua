-- TRY: mails, tasks, calls without end.
-- MUST: ended at the number of effects; nothing catches it.
-- NAMES: queue.mail queue.task queue.notify queue.webhook queue.start
-- ENDS: failed overran done
for i = 1, 100000 do
    pcall(queue.mail, {to = "a@b.example", subject = "s", text = "t"}) pcall(queue.task, {title =
        "t"})
    pcall(queue.notify, {to = "owner", text = "t"}) pcall(queue.webhook, {url =
        "https://x.example", body = {}})
    pcall(queue.start, {rule = "other"})
end
