-- wrk: each request creates another contact.
local count = 0

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function request()
  count = count + 1
  local body = string.format(
    '{"name":"Contact Number %d","title":"Buyer","emails":["contact%d@bench.example"]}', count, count)
  return wrk.format(nil, nil, nil, body)
end
