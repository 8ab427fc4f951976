-- The budget of one provider key and model, shared by all workers: a pace (requests/s, tokens/s) and a concurrency.
-- What it decides and why is told in docs/architecture.md; one call is one step, and the only clock is this server's.
--
-- KEYS[1]  budget:{name}   hash, see `fresh`
-- KEYS[2]  :waiting        zset row -> its place in the line; `:waiting@rpm/tpm/concurrency`: of those that fix these
-- KEYS[3]  :expected       likewise, zset row -> when it loses its place if it has not come back (ms)
-- KEYS[4]  :flying         zset row -> when its call was let go (ms)
--
-- Replies: {'go', number, granted (ms), calls in flight, whether the pace limits}, or {'wait', ms, 1 where that is long};
-- `report` and `leave`: {'ok'}.

local budget, waiting, expected, flying = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local FORGET_MS = 1800000     -- what was learned is forgotten after so long without a call
local AHEAD_MAX_MS = 604800000 -- but not before the clocks are reached, unless they are further ahead than a row may wait
local LATE_MS = 100           -- so much of the pace is not lost where nobody was there in time
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
  next = 0,         -- when the next call may go (ms); `next@30`: one that asks for 30 a minute, and so on
  next_tokens = 0,  -- the same by tokens
  hold = 0,         -- when a wait of all is over
  holds = 0,        -- waits of all since a call was served
  in_a_row = 0,     -- refusals since a call was served
  places = 0,       -- given in the line so far
  calls = 0,        -- let go so far; the last one's number
  latency = 0,      -- of a call served (ms)
  tokens = 0,       -- that a call costs
  told = 0,         -- requests a second, by the provider's headers
  told_tokens = 0,  -- tokens a second
  -- An episode: a refusal, and the probe that finds out what it means.
  probe = NONE,     -- OPEN, or the probe's number
  probe_from = 0,   -- when it was let go
  first = 0,        -- when the refused call had been let go; of those let go later
  first_served = 0, -- so many were served
  first_refused = 0,
  -- What is measured since the provider's bucket was known to be empty.
  since = 0,        -- when that was; 0: never yet
  mark = 0,         -- the last call before it
  upto = 0,         -- the last call before a refusal was heard of; 0: none was
  heard = 0,        -- when
  served = 0,       -- of all calls since
  refused = 0,      -- of those up to `upto`
  most = 0,         -- calls in flight when one was served
  least = 0,        -- when one was refused
  -- Cuts on trial.
  before = 0,       -- the pace before the first of them; 0: none is on trial
  ratio = 0,        -- the share that was refused then
  trial_pace = 0,   -- the pace since
  trial_from = 0,   -- calls let go from then on count:
  tried = 0,        -- so many ended
  in_vain = 0,      -- so many of them refused
  deaf_until = 0,   -- until then refusals are known not to depend on the pace
}

local names, state = {}, {}
for name in pairs(fresh) do names[#names + 1] = name end
for i, value in ipairs(redis.call('HMGET', budget, unpack(names))) do
  state[names[i]] = tonumber(value or fresh[names[i]])
end

-- The name of the clock by which calls go: who fixes a pace goes by that alone, together with all who fix the same.
-- So nobody waits for another's choice.
local function clock(name, fixed)
  if fixed == '0' then return name end
  local own = name .. '@' .. fixed
  names[#names + 1], state[own] = own, tonumber(redis.call('HGET', budget, own) or 0)
  return own
end

local function save()
  local flat, last = {}, now
  for _, name in ipairs(names) do
    flat[#flat + 1], flat[#flat + 2] = name, state[name]
    if string.find(name, '^next') then last = math.max(last, state[name]) end
  end
  redis.call('HSET', budget, unpack(flat))
  local ttl = math.min(last - now, AHEAD_MAX_MS) + FORGET_MS
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, math.ceil(ttl)) end
end

-- From one call to the next, and while a probe finds out whether a refusal was an accident: then others go slower.
local function intervals_ms(rpm)
  if rpm > 0 then return 60000 / rpm, 60000 / rpm end
  local usual = 1000 / state.pace
  if state.probe == NONE or now < state.deaf_until then return usual, usual end
  return usual, usual * (state.sure == 0 and 4 or 2)
end

-- The pace runs on while nobody asks, but only so little that no two calls go at once.
local function since_ms(interval)
  return now - math.min(0.9 * interval, LATE_MS)
end

local function tokens_a_second(tpm)
  return tpm > 0 and tpm / 60 or state.told_tokens
end

-- A call has ended, or is given up as lost with its worker: another may be the probe in its place.
local function give_up(row)
  local granted = tonumber(redis.call('ZSCORE', flying, row) or NONE)
  redis.call('ZREM', flying, row)
  if state.probe > 0 and state.probe_from == granted then state.probe = OPEN end
end

-- A row has one call at a time: where it asks anew, nobody will hear of the one before, since the answer to it was lost
-- or its worker died.
local function forget_the_late(row, lease_ms)
  for _, late in ipairs(redis.call('ZRANGEBYSCORE', expected, '-inf', now)) do
    redis.call('ZREM', expected, late)
    redis.call('ZREM', waiting, late)
  end
  for _, lost in ipairs(redis.call('ZRANGEBYSCORE', flying, '-inf', now - lease_ms)) do give_up(lost) end
  give_up(row)
end

-- By the number in flight: when the next of them is likely to end.
local function turn_by_concurrency(before, limit)
  local free = limit - redis.call('ZCARD', flying)
  if limit == 0 or before < free then return 0 end
  return now + math.max(20, state.latency * (before - free + 0.5) / limit)
end

local function turn_by_tokens(before, bounds)
  if bounds.tps == 0 then return 0 end
  return math.max(state[bounds.by_tokens], now) + before * state.tokens * 1000 / bounds.tps
end

-- When a call may go that has so many others before it. A probe goes at once, unless the pace is fixed.
local function turn(before, bounds)
  local free = math.max(state[bounds.by_calls], state.hold, since_ms(bounds.interval))
  if state.probe == OPEN and before == 0 and not bounds.fixed then free = state.hold end
  return math.max(free + before * bounds.usual, turn_by_tokens(before, bounds),
    turn_by_concurrency(before, bounds.limit))
end

-- How many are before a row in the line, and how many of them should be here by now. What those leave over, who are
-- expected later, may go at once.
local function line_before(row)
  local rank = redis.call('ZRANK', waiting, row) or redis.call('ZCARD', waiting)
  local own = tonumber(redis.call('ZSCORE', expected, row) or math.huge)
  local here = redis.call('ZCOUNT', expected, '-inf', now + GRACE_MS) - (own <= now + GRACE_MS and 1 or 0)
  return rank, math.min(rank, here)
end

local function grant(row, bounds, tokens)
  local by_calls, by_tokens = bounds.by_calls, bounds.by_tokens
  local limited = state[by_calls] > now - 2 * bounds.interval
  state.calls = state.calls + 1
  state[by_calls] = math.max(state[by_calls], since_ms(bounds.interval)) + bounds.interval
  if bounds.tps > 0 then
    state[by_tokens] = math.max(state[by_tokens], now) + tokens * 1000 / bounds.tps
  end
  if state.probe == OPEN then state.probe, state.probe_from = state.calls, now end
  redis.call('ZREM', waiting, row)
  redis.call('ZREM', expected, row)
  redis.call('ZADD', flying, now, row)
  return {'go', tostring(state.calls), string.format('%.17g', now), redis.call('ZCARD', flying), limited and 1 or 0}
end

-- When a row that has to wait shall come back. After a wait of all it comes before its turn, since others may go away
-- and the pace may grow.
local function come_back_ms(turn_at)
  local from = math.max(now, state.hold)
  local early = from - now + (turn_at - from) * (state.sure == 0 and 0.5 or 0.75)
  return math.max(SLEEP_MS, math.min(turn_at - now - LEAD_MS, early))
end

local function wait(row, turn_at)
  local long = turn_at - now > SLEEP_MS
  local ms = math.ceil(long and come_back_ms(turn_at) or turn_at - now)
  if not redis.call('ZSCORE', waiting, row) then
    state.places = state.places + 1
    redis.call('ZADD', waiting, state.places, row)
  end
  redis.call('ZADD', expected, now + ms + GRACE_MS, row)
  return {'wait', ms, long and 1 or 0}
end

local commands = {}

-- May this row's call go? `tokens`: what it may cost. `rpm`, `tpm`, `concurrency`: fixed; 0: learned. `lease_ms`: a call
-- of which nothing is heard for so long is given up.
function commands.acquire(row, tokens, rpm, tpm, concurrency, lease_ms)
  forget_the_late(row, tonumber(lease_ms))
  local limit = tonumber(concurrency)
  local bounds = {
    fixed = rpm ~= '0', tps = tokens_a_second(tonumber(tpm)),
    by_calls = clock('next', rpm), by_tokens = clock('next_tokens', tpm),
    limit = limit > 0 and limit or math.floor(state.concurrency),
  }
  bounds.usual, bounds.interval = intervals_ms(tonumber(rpm))
  local rank, here = line_before(row)
  local free = turn(here, bounds) <= now
  local reply = free and grant(row, bounds, tonumber(tokens)) or wait(row, turn(rank, bounds))
  save()
  return reply
end

-- The row waits no longer, and asks for nothing.
function commands.leave(row)
  redis.call('ZREM', waiting, row)
  redis.call('ZREM', expected, row)
  return {'ok'}
end
