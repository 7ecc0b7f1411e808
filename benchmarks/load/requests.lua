-- wrk sends the requests of a file in turn, and prints what came of it as JSON.
-- The file has a 32-bit count, then for each request its 32-bit size and its bytes.

local requests, count, at = {}, 0, 0

local function uint32(file)
  local a, b, c, d = file:read(4):byte(1, 4)
  return a + b * 256 + c * 65536 + d * 16777216
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  count = uint32(file)
  for i = 1, count do
    requests[i] = file:read(uint32(file))
  end
  file:close()
end

function request()
  at = at % count + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"operations": %d, "bytes": %d, "seconds": %.6f, "errors": %d, ' ..
      '"p50_ms": %.3f, "p99_ms": %.3f}',
    summary.requests, summary.bytes, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
