-- What somebody has to do in a project.
return entity "task" {
  number = 24, plural = "tasks", label = "Task", title = "title", via = "project",
  pairs = { { 1, "assignee", "due_on" } },
  allow = { owner = "all", pm = "all", employee = { "view", "create", "edit" } },

  reference "project" {
    1, label = "Project", to = "project", required = true, on_delete = "cascade", list = 2,
  },
  text "title" {
    2, label = "Title", required = true, index = true, search = true, max = 300, list = 1,
  },
  reference "assignee" { 3, label = "Assignee", to = "user", on_delete = "detach", list = 3 },
  choice "status" {
    4, label = "Status", required = true, index = true, set = "task.status", default = "open",
    list = 4,
  },
  date "due_on"    { 5, label = "Due", index = true, list = 5 },
  long_text "note" { 6, label = "Note" },
}, choice_set "task.status" {
  label = "Statuses of tasks",
  { "open", label = "Open", color = "#0969da", category = "open" },
  { "in_progress", label = "In progress", color = "#bf8700", category = "open" },
  { "done", label = "Done", color = "#1a7f37", category = "closed" },
}
