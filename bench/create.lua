-- wrk: each request creates another contact, in turn for the firms given behind `--`, each by its
-- host and a token.
local firms = {}
local count = 0

wrk.method = "POST"

function init(args)
  for at = 1, #args, 2 do
    firms[#firms + 1] = {
      ["Content-Type"] = "application/json",
      ["Host"] = args[at],
      ["Authorization"] = "Bearer " .. args[at + 1],
    }
  end
end

function request()
  count = count + 1
  local body = string.format(
    '{"name":"Contact Number %d","title":"Buyer","emails":["contact%d@bench.example"]}',
    count,
    count
  )
  return wrk.format(nil, nil, firms[count % #firms + 1], body)
end
