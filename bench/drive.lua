-- Sends GET requests with the headers of the command line and the Cookie headers of a file, in turns. With a second argument,
-- that and a number are added to the address of each.

local first, before, after
local distinct
local sent = 0
local cookies = {}
local turn = 0

function init(args)
  for line in io.lines(args[1]) do
    cookies[#cookies + 1] = line
  end
  local text = wrk.format("GET")
  local rest = #text - 2 -- the empty line at the end
  before, after = text:sub(1, rest) .. "Cookie: ", "\r\n\r\n"
  distinct = args[2]
  local line = before:find(" HTTP/1.1", 1, true)
  first, before = before:sub(1, line - 1), before:sub(line)
end

function request()
  turn = turn % #cookies + 1
  local page = first
  if distinct then
    sent = sent + 1
    page = first .. distinct .. sent
  end
  return page .. before .. cookies[turn] .. after
end

function done(summary, latency)
  local e = summary.errors
  print(string.format("driven %d %d %d %d %d %d %d", summary.requests, e.status, e.connect + e.read + e.write, e.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
