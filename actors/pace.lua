-- What a budget learns from calls that were served or refused: the second half of the script that governor.lua begins.

local HOLD_MS = 1000             -- after refusals that name no time; doubled up to
local HOLD_MAX_MS = 60000
local RAMP = 0.25                -- requests/s more for each call served, until a limit is found
local FREQUENT = 0.05            -- a larger share of refused calls is no accident
local STEP_BACK = 0.95           -- after an accident, once a limit is known
local FIRST_CUT_LEAST = 0.8      -- the first cut is no smaller than to this share of the pace
local FIRST_CUT = 0.25           -- and no cut is larger than to this; nor, where few calls are known of,
local LATER_CUT = 0.8            -- a later one than to this
local MANY, LONG_MS = 20, 10000  -- calls or time by which a rate is measured well
local PACE_MIN = 0.01
local DOUBT = 1.5                -- how fast a pace grows that is known by few calls
local GROWTH_MIN = 0.0005        -- for each call served
local GROWTH_MAX = 0.05
local CONCURRENCY_GROWTH = 0.1
local TRIAL = 6                  -- calls by which a cut is judged
local TRIALS = 2                 -- and judged again, as often
local DEAF_MS = 60000            -- refusals that do not depend on the pace leave it alone for so long
local MANY_IN_A_ROW = 4          -- so many refusals, and the provider serves nobody

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
local function judge_cuts()
  local fewer = math.max(0, 1 - (1 - state.ratio) * state.before / state.trial_pace)
  local share = state.in_vain / state.tried
  local in_vain = share < 1 and share >= (fewer + state.ratio) / 2
  if in_vain and state.ratio >= 0.2 and state.trial_pace <= 0.8 * state.before then
    local more = 1 - (1 - share) * state.trial_pace / state.before
    state.pace, state.deaf_until, state.ratio = state.before, now + DEAF_MS, (share + more) / 2
    state.trial_from, state.tried, state.in_vain, state.sure, state.before = now, 0, 0, 0, 0
  elseif state.tried == TRIALS * TRIAL then
    state.before = 0
  end
end

-- It was wrong to give it back if clearly more are refused since.
local function judge_return()
  if state.in_vain / state.tried >= state.ratio then
    state.pace, state.deaf_until, state.sure = state.trial_pace, 0, 2 * TRIAL
  end
  state.tried, state.in_vain = 0, 0
end

local function judge_trial()
  if state.before > 0 and state.tried % TRIAL == 0 then
    judge_cuts()
  elseif now < state.deaf_until and state.tried == 2 * TRIAL then
    judge_return()
  end
end

-- What the provider served, a second, while it refused the rest; by how many calls that is known, and whether well.
-- Those that went slower since the first refusal was heard of tell nothing.
local function rate_served()
  local calls = math.max(1, state.upto - state.mark)
  local served = calls - state.refused - 0.5
  local took_ms = state.heard - state.since
  if calls >= MANY or took_ms >= LONG_MS then return served * 1000 / took_ms, calls, true end
  return math.max(0, served) / calls * state.pace, calls, false
end

-- The fewer calls the rate is known by, the faster the pace may grow again.
local function cut_pace()
  local rate, calls, well = rate_served()
  local lowest = ((state.sure == 0 or well) and FIRST_CUT or LATER_CUT) * state.pace
  if state.before == 0 then
    state.before, state.trial_from = state.pace, now
    state.ratio = state.first_refused / (state.first_refused + state.first_served)
    state.tried, state.in_vain = 0, 0
  end
  local highest = (state.sure == 0 and FIRST_CUT_LEAST or STEP_BACK) * state.pace
  state.pace = clamp(rate, math.max(lowest, FIRST_CUT * state.before, PACE_MIN), math.max(highest, PACE_MIN))
  state.trial_pace = state.pace
  state.sure = math.max(calls, state.sure / 2)
end

-- Where calls were refused with more others in flight than any that was served, it is their number that is limited.
-- Where none is served any more, the pace is not to blame.
local function cut()
  if state.served >= 5 and state.least > state.most then
    state.concurrency = state.least - 1
  elseif now >= state.deaf_until and (state.sure == 0 or state.in_a_row < MANY_IN_A_ROW) then
    cut_pace()
  end
  measure_from(now, state.calls)
end

local function was_an_accident()
  local frequent = state.refused >= 1 and state.refused >= FREQUENT * (state.upto - state.mark)
  if frequent then return cut() end
  if state.sure == 0 then return measure_from(0, 0) end
  if now >= state.deaf_until then state.pace = math.max(PACE_MIN, state.pace * STEP_BACK) end
  measure_from(now, state.calls)
end

-- All wait, unless as many calls were served as refused since the first refusal: those outvote the probe.
local function hold(asked_ms)
  if state.first_served >= state.first_refused then return end
  if now < state.deaf_until and state.in_a_row < MANY_IN_A_ROW then return end
  state.holds = state.holds + 1
  local own_ms = math.min(HOLD_MAX_MS, HOLD_MS * 2 ^ math.min(state.holds - 1, 10))
  state.hold = math.max(state.hold, now + (asked_ms > 0 and asked_ms or own_ms))
  state.next = math.max(state.next, state.hold)
end

local function grow()
  if state.sure == 0 then
    state.pace = state.pace + RAMP
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
  state.holds, state.in_a_row = 0, 0
  state.latency = state.latency == 0 and call.took or 0.8 * state.latency + 0.2 * call.took
  if call.granted >= state.since then
    state.served, state.most = state.served + 1, math.max(state.most, call.beside)
  end
  if call.granted > state.first then state.first_served = state.first_served + 1 end
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
  state.in_a_row = state.in_a_row + 1
  if call.granted < state.since then return end
  if state.since == 0 then measure_from(call.granted, call.number) end
  if state.upto == 0 then state.upto, state.heard = state.calls, now end
  if call.number > state.mark and call.number <= state.upto then state.refused = state.refused + 1 end
  state.least = state.least == 0 and call.beside or math.min(state.least, call.beside)
  if call.granted > state.first then state.first_refused = state.first_refused + 1 end
  if state.probe == call.number then
    state.probe = NONE
    cut()
    hold(call.asked)
  elseif state.probe == NONE then
    state.probe, state.first, state.first_served, state.first_refused = OPEN, call.granted, 0, 1
  end
end

function outcomes.other(call)
  if state.probe == call.number then state.probe = OPEN end
end

-- What tokens a call cost in truth, of those that it was planned to.
local function settle_tokens(planned, tokens, tpm)
  if tokens == 0 then return end
  state.tokens = state.tokens == 0 and tokens or 0.8 * state.tokens + 0.2 * tokens
  local by_tokens, tps = clock('next_tokens', tpm), tokens_a_second(tonumber(tpm))
  if tps > 0 then state[by_tokens] = state[by_tokens] + (tokens - planned) * 1000 / tps end
end

-- What came of a row's call, told once. The first four after the row are what its grant said; `asked`: for how long it
-- was told to wait (ms).
function commands.report(row, number, granted, beside, limited, outcome, asked, planned, tokens, tpm, told, told_tokens)
  if tonumber(redis.call('ZSCORE', flying, row) or NONE) ~= tonumber(granted) then return {'late'} end
  redis.call('ZREM', flying, row)
  local call = {number = tonumber(number), granted = tonumber(granted), beside = tonumber(beside),
    limited = limited == '1', took = now - granted, asked = tonumber(asked)}
  if outcome ~= 'other' and call.granted >= state.trial_from then
    state.tried, state.in_vain = state.tried + 1, state.in_vain + (outcome == 'refused' and 1 or 0)
    judge_trial()
  end
  outcomes[outcome](call)
  heed(tonumber(told), tonumber(told_tokens))
  settle_tokens(tonumber(planned), tonumber(tokens), tpm)
  save()
  return {'ok'}
end

return commands[ARGV[1]](unpack(ARGV, 2))
