-- The budget of one provider key and model, shared by all workers: a pace (requests/s, tokens/s) and a concurrency.
-- What it decides and why is told in docs/architecture.md; one call is one step, and the only clock is this server's.
--
-- KEYS[1]  budget:{name}   hash, see `fresh`
-- KEYS[2]  :waiting        zset row -> its place in the line
-- KEYS[3]  :expected       zset row -> when it loses its place if it has not come back (ms)
-- KEYS[4]  :flying         zset number of a call -> when it is given up as lost with its worker (ms)
--
-- Replies: {'go', number, granted (ms), calls in flight, whether the pace limits}, or {'wait', ms, 1 where that is long};
-- `report` and `leave`: {'ok'}.

local budget, waiting, expected, flying = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local FORGET_MS = 1800000     -- what was learned is forgotten after so long without a call
local BURST_MS = 100          -- calls that came late may catch up so much
local SLEEP_MS = 1000         -- so long a row waits in its thread; before a longer wait is over it must be back
local LEAD_MS = 500           -- by so much at least
local GRACE_MS = 1000         -- who comes later than that has lost its place
local NONE, OPEN = 0, -1      -- of `probe`

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 100) / 10

local fresh = {
  pace = 12,        -- requests/s
  sure = 0,         -- by how many calls the pace is known to be right; 0: no limit found yet
  concurrency = 0,  -- calls in flight; 0: no limit found
  next = 0,         -- when the next call may go
  hold = 0,         -- when a wait of all is over
  next_tokens = 0,  -- the same by tokens
  places = 0, calls = 0,  -- counters
  probe = NONE,     -- OPEN, or the number of the call that finds out
  probe_until = 0,
  holds = 0,        -- waits of all since a call was served
  latency = 0,      -- of calls served (ms)
  tokens = 0,       -- of a call
  told = 0, told_tokens = 0,  -- what the provider's headers say (a second)
  -- Since a moment at which the provider's bucket was known to be empty; 0: there is none.
  since = 0, mark = 0, upto = 0, told_at = 0, served = 0, refused = 0,
  most = 0,         -- calls in flight when one was served
  least = 0,        -- when one was refused
  -- Cuts on trial: the pace and the share of refusals before the first, when it was, what came of the calls since;
  -- and until when cuts are known not to help.
  before = 0, ratio = 0, trial_from = 0, tried = 0, in_vain = 0, deaf_until = 0,
}

local names, state = {}, {}
for name in pairs(fresh) do names[#names + 1] = name end
for i, value in ipairs(redis.call('HMGET', budget, unpack(names))) do
  state[names[i]] = tonumber(value or fresh[names[i]])
end

local function save()
  local flat = {}
  for _, name in ipairs(names) do flat[#flat + 1], flat[#flat + 2] = name, state[name] end
  redis.call('HSET', budget, unpack(flat))
  local ttl = math.max(0, state.next - now) + FORGET_MS
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, math.ceil(ttl)) end
end

-- While one call finds out whether a refusal was an accident, the others go slower.
local function interval_ms(rpm)
  if rpm > 0 then return 60000 / rpm end
  local share = (state.probe == NONE or now < state.deaf_until) and 1 or state.sure == 0 and 0.25 or 0.5
  return 1000 / (share * state.pace)
end

local function tokens_a_second(tpm)
  return tpm > 0 and tpm / 60 or state.told_tokens
end

local function forget_the_late()
  for _, row in ipairs(redis.call('ZRANGEBYSCORE', expected, '-inf', now)) do
    redis.call('ZREM', expected, row)
    redis.call('ZREM', waiting, row)
  end
  redis.call('ZREMRANGEBYSCORE', flying, '-inf', now)
  if state.probe > 0 and state.probe_until <= now then state.probe = OPEN end
end

-- By the number in flight: when the next of them is likely to end.
local function turn_by_concurrency(before, limit)
  local free = limit - redis.call('ZCARD', flying)
  if limit == 0 or before < free then return 0 end
  return now + math.max(20, state.latency * (before - free + 0.5) / limit)
end

local function turn_by_tokens(before, tps)
  return tps > 0 and math.max(state.next_tokens, now - BURST_MS) + before * state.tokens * 1000 / tps or 0
end

-- When a call may go that has so many others before it.
local function turn(before, interval, tps, limit)
  local free = math.max(state.next, now - math.max(interval, BURST_MS))
  if state.probe == OPEN and before == 0 then free = state.hold end
  return math.max(free + before * interval, turn_by_tokens(before, tps), turn_by_concurrency(before, limit))
end

-- How many are before a row in the line, and how many of them should be here by now. What those leave over, who are
-- expected later, may go at once.
local function line_before(row)
  local rank = redis.call('ZRANK', waiting, row) or redis.call('ZCARD', waiting)
  local own = tonumber(redis.call('ZSCORE', expected, row) or math.huge)
  local here = redis.call('ZCOUNT', expected, '-inf', now + GRACE_MS) - (own <= now + GRACE_MS and 1 or 0)
  return rank, math.min(rank, here)
end

local function grant(row, interval, tokens, tps, lease_ms)
  local limited = state.next > now - 2 * interval
  state.calls = state.calls + 1
  state.next = math.max(state.next, now - math.max(interval, BURST_MS)) + interval
  if tps > 0 then state.next_tokens = math.max(state.next_tokens, now - BURST_MS) + tokens * 1000 / tps end
  if state.probe == OPEN then state.probe, state.probe_until = state.calls, now + lease_ms end
  redis.call('ZREM', waiting, row)
  redis.call('ZREM', expected, row)
  redis.call('ZADD', flying, now + lease_ms, state.calls)
  return {'go', tostring(state.calls), tostring(now), redis.call('ZCARD', flying), limited and 1 or 0}
end

-- Keep the row's place, and tell it when to come: somewhat before its turn, as others may go away or the pace may grow.
local function wait(row, ms)
  local away = ms > SLEEP_MS
  if away then ms = math.max(SLEEP_MS, math.min(ms - LEAD_MS, ms * (state.sure == 0 and 0.5 or 0.75))) end
  if not redis.call('ZSCORE', waiting, row) then
    state.places = state.places + 1
    redis.call('ZADD', waiting, state.places, row)
  end
  redis.call('ZADD', expected, now + ms + GRACE_MS, row)
  return {'wait', math.ceil(ms), away and 1 or 0}
end

local commands = {}

-- May this row's call go? `tokens`: what it may cost. `rpm`, `tpm`, `concurrency`: fixed; 0: learned.
function commands.acquire(row, tokens, rpm, tpm, concurrency, lease_ms)
  forget_the_late()
  local interval, tps = interval_ms(tonumber(rpm)), tokens_a_second(tonumber(tpm))
  local limit = tonumber(concurrency) > 0 and tonumber(concurrency) or math.floor(state.concurrency)
  local rank, here = line_before(row)
  local reply
  if turn(here, interval, tps, limit) <= now then
    reply = grant(row, interval, tonumber(tokens), tps, tonumber(lease_ms))
  else
    reply = wait(row, turn(rank, interval, tps, limit) - now)
  end
  save()
  return reply
end

-- The row waits no longer, and asks for nothing.
function commands.leave(row)
  redis.call('ZREM', waiting, row)
  redis.call('ZREM', expected, row)
  return {'ok'}
end
