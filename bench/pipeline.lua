-- For wrk: sends TWISTER_PIPELINE requests at a time on each of TWISTER_CONNECTIONS connections, and ends with one
-- line of figures that a script can read (times in microseconds, -1 where there is none).

local depth = tonumber(os.getenv("TWISTER_PIPELINE") or "1")
local connections = tonumber(os.getenv("TWISTER_CONNECTIONS") or "1")

if depth > 1 then
  local batch

  function init(arguments)
    local requests = {}
    for i = 1, depth do
      requests[i] = wrk.format()
    end
    batch = table.concat(requests)
  end

  function request()
    return batch
  end
end

-- wrk takes one sample a batch, but corrects the samples for coordinated omission as if it took one a request: for each
-- sample n it adds samples n - e, n - 2e ... down to e, the expected time between two requests of a connection. With
-- pipelining there are many more of these than real samples, so they are removed here: the number that was added at m is
-- the number of samples at m + e.
local function uncorrected(summary, latency)
  local rounds = math.floor(summary.requests / connections)
  if rounds == 0 or #latency * latency.max > 2e9 then -- each access to a sample walks over all of them
    return nil
  end
  local expected = math.floor(summary.duration / rounds)
  local counts, values = {}, {}
  for i = 1, #latency do
    local value, count = latency(i)
    values[i], counts[value] = value, count
  end
  local samples, total = {}, 0
  for _, value in ipairs(values) do
    local added = value > expected and counts[value + expected] or 0
    local count = counts[value] - added
    total = total + count
    samples[#samples + 1] = { value = value, upTo = total }
  end
  return samples
end

local function percentiles(summary, latency)
  local samples = depth > 1 and uncorrected(summary, latency)
  return function(percent)
    if depth == 1 then
      return latency:percentile(percent)
    end
    if samples and #samples > 0 then
      local rank = samples[#samples].upTo * percent / 100
      for _, sample in ipairs(samples) do
        if sample.upTo >= rank then
          return sample.value
        end
      end
    end
    return -1
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local at = percentiles(summary, latency)
  io.write(string.format(
    "figures: %d %.6f %.0f %.0f %.0f %.0f %.0f %d %d\n",
    summary.requests, summary.duration / 1e6, at(50), at(75), at(90), at(99), latency.max,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
