-- What a budget learns from calls that were served or refused: the second half of the script that governor.lua begins.

local HOLD_MS = 1000          -- after refusals that name no time; doubled up to
local HOLD_MAX_MS = 60000
local RAMP_KNEE = 30
local RAMP_LATE = 0.25
local RAMP = 0.3               -- requests/s more for each call served, until a limit is found
local FREQUENT = 0.05         -- a larger share of refused calls is no accident
local STEP_BACK = 0.97
local FIRST_CUT, LATER_CUT = 0.25, 0.8
local TRIAL = 10
local GROWTH_MIN, GROWTH_MAX = 0.0005, 0.05
local DOUBT = 2.0
local CONCURRENCY_GROWTH = 0.1
local DEAF_MS = 60000         -- so long refusals that do not depend on the pace leave it alone

local function clamp(value, low, high)
  return math.max(low, math.min(high, value))
end

-- Counting begins anew: the bucket is empty now.
local function measure_from(moment, mark)
  state.since, state.mark, state.upto = moment, mark, 0
  state.served, state.refused, state.most, state.least = 0, 0, 0, 0
end

-- Did the cuts help? Where the pace is what calls are refused for, fewer are: those that it still exceeds the limit
-- by. Where it is not, as many are as before, and the pace is given back.
local function judge_trial()
  if state.before == 0 or state.tried < TRIAL then return end
  local fewer = math.max(0, 1 - (1 - state.ratio) * state.before / state.pace)
  local in_vain = state.in_vain / state.tried >= (fewer + state.ratio) / 2
  if in_vain and state.ratio >= 0.2 and state.pace <= 0.8 * state.before then
    state.pace, state.deaf_until = state.before, now + DEAF_MS
  end
  state.before = 0
end

-- What the provider served, a second, while it refused the rest; by how many calls that is known, and the share that
-- was refused. Those that went slower since the first refusal was known tell nothing.
local function rate_served()
  local calls = math.max(1, state.upto - state.mark)
  local served, share = calls - state.refused - 0.5, state.refused / calls
  if calls >= 20 then return served * 1000 / math.max(1, state.told_at - state.since), calls, share end
  return math.max(0, served) / calls * state.pace, calls, share
end

-- The fewer calls the rate is known by, the faster the pace may grow again.
local function cut_pace()
  local rate, calls, share = rate_served()
  local lowest = ((state.sure == 0 or calls >= 20) and FIRST_CUT or LATER_CUT) * state.pace
  if state.before == 0 then
    state.before, state.ratio, state.trial_from = state.pace, share, now
    state.tried, state.in_vain = 0, 0
  end
  state.pace = clamp(rate, math.max(lowest, FIRST_CUT * state.before), STEP_BACK * state.pace)
  state.sure = calls
end

-- Where calls were refused with more others in flight than any that was served, it is their number that is limited.
local function cut()
  if state.served >= 5 and state.least > state.most then
    state.concurrency = state.least - 1
  elseif now >= state.deaf_until then
    cut_pace()
  end
  measure_from(now, state.calls)
end

local function was_an_accident()
  local frequent = state.refused >= 1 and state.refused >= FREQUENT * (state.upto - state.mark)
  if frequent then return cut() end
  if state.sure == 0 then return measure_from(0, 0) end
  if now >= state.deaf_until then state.pace = state.pace * STEP_BACK end
  measure_from(now, state.calls)
end

local function hold(asked_ms)
  state.holds = state.holds + 1
  local own_ms = math.min(HOLD_MAX_MS, HOLD_MS * 2 ^ math.min(state.holds - 1, 10))
  state.hold = math.max(state.hold, now + (asked_ms > 0 and asked_ms or own_ms))
  state.next = math.max(state.next, state.hold)
end

local function grow()
  if state.sure == 0 then
    state.pace = state.pace + (state.pace < RAMP_KNEE and RAMP or RAMP_LATE)
  else
    state.sure = state.sure + 1
    state.pace = state.pace * (1 + clamp(DOUBT / (state.sure * state.sure), GROWTH_MIN, GROWTH_MAX))
  end
  if state.told > 0 then state.pace = math.min(state.pace, state.told) end
end

local function heed(told, told_tokens)
  if math.abs(told - state.told) > 0.05 * state.told and told > 0 then
    state.told, state.pace, state.sure = told, told, 1000
  end
  if told_tokens > 0 then state.told_tokens = told_tokens end
end

local outcomes = {}

function outcomes.served(call)
  state.holds = 0
  state.latency = state.latency == 0 and call.took or 0.8 * state.latency + 0.2 * call.took
  if call.granted >= state.since then
    state.served, state.most = state.served + 1, math.max(state.most, call.beside)
  end
  if call.limited then grow() end
  if state.concurrency > 0 and call.beside >= math.floor(state.concurrency) then
    state.concurrency = state.concurrency + CONCURRENCY_GROWTH / state.concurrency
  end
  if state.probe == call.number then
    state.probe = NONE
    was_an_accident()
  end
end

function outcomes.refused(call)
  if call.granted < state.since then return end
  if state.since == 0 then measure_from(call.granted, call.number) end
  if state.upto == 0 then state.upto, state.told_at = state.calls, now end
  if call.number > state.mark and call.number <= state.upto then state.refused = state.refused + 1 end
  state.least = state.least == 0 and call.beside or math.min(state.least, call.beside)
  if state.probe == call.number then
    state.probe = NONE
    cut()
    hold(call.asked)
  elseif state.probe == NONE then
    state.probe = OPEN
  end
end

function outcomes.other(call)
  if state.probe == call.number then state.probe = OPEN end
end

function commands.report(number, granted, beside, limited, outcome, asked, planned, tokens, tpm, told, told_tokens)
  redis.call('ZREM', flying, number)
  local call = {number = tonumber(number), granted = tonumber(granted), beside = tonumber(beside),
    limited = limited == '1', took = now - granted, asked = tonumber(asked)}
  if outcome ~= 'other' and call.granted >= state.trial_from then
    state.tried, state.in_vain = state.tried + 1, state.in_vain + (outcome == 'refused' and 1 or 0)
    judge_trial()
  end
  outcomes[outcome](call)
  heed(tonumber(told), tonumber(told_tokens))
  local tps = tokens_a_second(tonumber(tpm))
  if tonumber(tokens) > 0 then
    state.tokens = state.tokens == 0 and tokens or 0.8 * state.tokens + 0.2 * tokens
    if tps > 0 then state.next_tokens = state.next_tokens + (tokens - planned) * 1000 / tps end
  end
  save()
  return {'ok'}
end

return commands[ARGV[1]](unpack(ARGV, 2))
