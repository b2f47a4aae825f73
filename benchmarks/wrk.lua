-- One event a request. BODIES: a file of lines, each the JSON before an event's id, a tab, and the JSON after it.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

local heads, tails, count = {}, {}, 0
for line in io.lines(os.getenv("BODIES")) do
  local tab = line:find("\t", 1, true)
  heads[#heads + 1], tails[#tails + 1] = line:sub(1, tab - 1), line:sub(tab + 1)
end

function request()
  local which = count % #heads + 1
  count = count + 1
  return wrk.format(nil, nil, nil, heads[which] .. count .. tails[which])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("TOLD %d %d %.3f %.3f %d\n", summary.requests, summary.duration, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
