-- The only place where a job's status, counts and stream change. One call is one step: all or nothing.
--
-- KEYS[1]  job:{id}   hash: owner (empty: deleted), run, status, processed, failed, total, next, seq, fence, config,
--                     model_name, api_key_from, fingerprint, created_ms, begun_ms (of this run), ttl_ms, retention_ms, message (of the ending
--                     or the pause), left (rows that this run has yet to end), ended (how the run before it ended),
--                     error_type and error_code (of one that failed), owns_uploads (1: its uploads came with it and end with it)
-- KEYS[2]  jobs:active   zset job id -> the time (ms) at which the scheduler must look at it, or earlier
-- KEYS[3]  workers       zset "worker id/threads" -> when it was last heard of (ms)
--
-- owner:{sub}:jobs   zset job id -> created (ms)
-- owner:{sub}:out    hash job id -> how many of its rows are out
-- Beside the job, with the same hash tag:
--   :documents  hash row -> what to fetch; written once
--   :secrets    hash `api_key` or row -> sealed text; gone at the ending
--   :rows       hash row -> state of a row that is out (see below); a row not here is new or has a result
--   :due        zset row -> the time at which something must happen to it; exactly the rows that are out
--   :results    hash row -> its final result of this run, as observers see it
--   :chosen     set of the rows that a retry named; absent: this run is of all rows that have no result
--   :exclusions hash `pdf`: a list of terms to exclude that nobody has read yet; `terms`: what stood in it, as JSON
--   :texts      hash row -> what was extracted, so that a retry only asks the model; gone when the row ends
--   :uploads    set of the owner's uploads that its documents name (see `shelf.lua`); they live longer than the job
--   :events     stream: seq (dense), type, row, processed, failed, body
--
-- A row's state, as JSON:
--   s  sent | running | waiting
--   a  attempts begun           n  attempts that count against the limit     w  ms waited for rate limits
--   d  deaths while extracting  f  fence of the last claim                   c  claim id
--   x  deaths at other stages; absent: none
--   g  stage: fetch | extract | tag              t  when its message was sent (ms)
--   r  how often it was sent again, unclaimed
--   m  the fallback model that it has come to; absent: it asks the job's own
--   l  what observers were last told of it (JSON); absent: nothing yet
--
-- Events: `created`, `progress` (body: the row), `status` (row: the status, body: why), and the endings
-- `completed | cancelled | error` (body: the sentence).
-- Replies begin with a word: ok, or why nothing was done: missing, stale (another run), over, paused, lost, held, early.
-- The only clock is this server's.
--
-- `snapshot` replies {'ok', job hash flat, ms until it expires, now, id of the last event,
--   'all' | 'since', results flat (row, JSON ...) , rows that are out and were told of: {due, JSON, due, JSON ...}}.

local job, active, workers = KEYS[1], KEYS[2], KEYS[3]
local ROW_QUIET_MS = 5000      -- a message this old may be lost: look whether the queue is short
local ROW_RESEND_MS = 60000    -- a message this old is sent again, however long the queue; the next time twice as old
local ROW_RESENDS_MAX = 6      -- so often doubled: an hour
local TOP_UP_MS = 1000         -- a job with new rows is looked at so often: its chunk may have grown
local WORKER_SILENT_MS = 10000 -- a worker not heard of for so long is not counted
local STREAM_MIN = 10000
local CHUNK, CHUNK_MIN = 1.25, 4  -- rows of a job that are out: of all threads; those that no thread has stand before others' rows
local MAX_DEATHS, MAX_DEATHS_ELSEWHERE = 3, 20  -- there it is seldom the row's own fault
local DELETED_MS = 30000       -- what is left of a deleted job, so that its observers hear the ending
local PARTS = {'', ':documents', ':secrets', ':rows', ':due', ':results', ':chosen', ':texts', ':exclusions', ':uploads', ':events'}
local ENDINGS = {completed = 'completed', cancelled = 'cancelled', failed = 'error'}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function open(id)
  job = 'job:{' .. id .. '}'
end

local function expire_no_sooner(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end

local function job_id()
  return string.sub(job, 6, -2)
end

local function is_open(status)
  return status == 'pending' or status == 'processing'
end

-- The uploads that a job names outlive it, by an eighth of its time, so that it has to renew them rarely.
local function renew_uploads(owner, ms, ttl_ms, until_ms)
  if not until_ms or now + ms <= tonumber(until_ms) then return end
  local keep_ms = ms + math.ceil(ttl_ms / 8)
  for _, id in ipairs(redis.call('SMEMBERS', job .. ':uploads')) do expire_no_sooner('upload:{' .. id .. '}', keep_ms) end
  expire_no_sooner('owner:{' .. owner .. '}:uploads', keep_ms)
  redis.call('HSET', job, 'uploads_until', now + keep_ms)
end

-- Every write ends here, so that no key is ever without a time to live, and no job is gone before its rows are due.
-- A paused job lives from the pause on: what happens to it later does not keep it.
local function renew_ttl(ms)
  local known = redis.call('HMGET', job, 'ttl_ms', 'owner', 'status', 'uploads_until')
  if not ms and known[3] == 'paused' then ms = redis.call('PTTL', job) end
  ms = ms or tonumber(known[1])
  if is_open(known[3]) then
    local last = redis.call('ZRANGE', job .. ':due', -1, -1, 'WITHSCORES')[2]
    if last then ms = math.max(ms, last - now + math.min(ms, ROW_RESEND_MS)) end
  end
  for _, part in ipairs(PARTS) do redis.call('PEXPIRE', job .. part, ms) end
  for _, list in ipairs({':jobs', ':out'}) do expire_no_sooner('owner:{' .. known[2] .. '}' .. list, ms) end
  if redis.call('EXISTS', active) == 1 then expire_no_sooner(active, ms) end
  renew_uploads(known[2], ms, tonumber(known[1]), known[4])
end

-- When must the scheduler look at this job again?
local function next_look()
  local first = redis.call('ZRANGE', job .. ':due', 0, 0, 'WITHSCORES')
  local known = redis.call('HMGET', job, 'next', 'total')
  local rows_left = tonumber(known[1]) < tonumber(known[2])
  return math.min(tonumber(first[2] or now), rows_left and now + TOP_UP_MS or math.huge)
end

local function owner_out()
  return 'owner:{' .. redis.call('HGET', job, 'owner') .. '}:out'
end

-- The scheduler looks at this job no more, and what it has out counts for its owner no more.
local function unschedule()
  redis.call('ZREM', active, job_id())
  redis.call('HDEL', owner_out(), job_id())
end

local function count_out()
  redis.call('HSET', owner_out(), job_id(), redis.call('ZCARD', job .. ':due'))
end

-- Never later than was planned: what happens to one row does not put off the others. A paused job is not looked at.
local function reschedule()
  if not is_open(redis.call('HGET', job, 'status')) then return end
  count_out()
  redis.call('ZADD', active, 'LT', next_look(), job_id())
end

local function tell(kind, row, body)
  local told = redis.call('HMGET', job, 'processed', 'failed', 'total')
  local seq = redis.call('HINCRBY', job, 'seq', 1)
  redis.call('XADD', job .. ':events', 'MAXLEN', '~', math.max(STREAM_MIN, 4 * told[3]), '*',
    'seq', seq, 'type', kind, 'row', row, 'processed', told[1], 'failed', told[2], 'body', body)
end

local function row_state(row)
  local text = redis.call('HGET', job .. ':rows', row)
  return text and cjson.decode(text)
end

local function put_row(row, state, due)
  redis.call('HSET', job .. ':rows', row, cjson.encode(state))
  redis.call('ZADD', job .. ':due', due, row)
end

local function put_sent(row, state)
  state.s, state.t = 'sent', now
  put_row(row, state, now + ROW_QUIET_MS)
end

local function living_threads()
  local sum = 0
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', workers, now - WORKER_SILENT_MS, '+inf')) do
    sum = sum + tonumber(string.match(member, '/(%d+)$'))
  end
  return sum
end

-- How many rows this job's owner may have out in it beside those of all other jobs. Of a job that expired while it was
-- open the count is left behind, and its id may be another's by now.
local function owners_room(most)
  local key, sum, owner = owner_out(), 0, redis.call('HGET', job, 'owner')
  local out = redis.call('HGETALL', key)
  for i = 1, #out, 2 do
    if redis.call('HGET', 'job:{' .. out[i] .. '}', 'owner') ~= owner then
      redis.call('HDEL', key, out[i])
    elseif out[i] ~= job_id() then
      sum = sum + out[i + 1]
    end
  end
  return most - sum
end

-- How many rows of one job are out at a time: a small job never stands behind a big one.
local function chunk()
  local jobs = math.max(1, redis.call('ZCARD', active))
  local size = math.max(CHUNK_MIN, math.floor(CHUNK * living_threads() / jobs))
  local most = tonumber(redis.call('HGET', job, 'owner_max') or 0)
  return most > 0 and math.min(size, owners_room(most)) or size
end

-- Take new rows of the job until its chunk is full; returns those whose messages must be sent.
local function refill()
  local taken, known = {}, redis.call('HMGET', job, 'next', 'total', 'status')
  local next_row, total = tonumber(known[1]), tonumber(known[2])
  if next_row >= total or not is_open(known[3]) then return taken end
  local room = chunk() - redis.call('ZCARD', job .. ':due')
  local some = room > 0 and redis.call('EXISTS', job .. ':chosen') == 1
  while room > 0 and next_row < total do
    local wanted = not some or redis.call('SISMEMBER', job .. ':chosen', next_row) == 1
    if wanted and redis.call('HEXISTS', job .. ':results', next_row) == 0 then
      put_sent(next_row, {a = 0, n = 0, w = 0, d = 0})
      taken[#taken + 1], room = next_row, room - 1
    end
    next_row = next_row + 1
  end
  redis.call('HSET', job, 'next', next_row)
  return taken
end

local function finish_job(status, sentence)
  redis.call('HSET', job, 'status', status, 'message', sentence)
  tell(ENDINGS[status], '', sentence)
  redis.call('DEL', job .. ':secrets', job .. ':rows', job .. ':due', job .. ':texts', job .. ':chosen')
  unschedule()
  renew_ttl(tonumber(redis.call('HGET', job, 'retention_ms')))
end

-- A document that came with its job, and that no caller can name, goes with it.
local function forget_own_uploads()
  if redis.call('HGET', job, 'owns_uploads') ~= '1' then return end
  for _, id in ipairs(redis.call('SMEMBERS', job .. ':uploads')) do redis.call('UNLINK', 'upload:{' .. id .. '}') end
  redis.call('DEL', job .. ':uploads')
end

-- This run has nothing left to do. Where it was of chosen rows only and others have no result, the job is what it was.
local function finish_run()
  local known = redis.call('HMGET', job, 'processed', 'failed', 'total', 'ended')
  local undone = known[3] - known[1] - known[2]
  if undone == 0 then
    if known[2] == '0' then forget_own_uploads() end
    return finish_job('completed', 'Job completed')
  end
  local noun = undone == 1 and ' other has' or ' others have'
  finish_job(known[4], 'The rows that were asked for have ended; ' .. undone .. noun .. ' not been run')
end

local function pause(why)
  redis.call('HSET', job, 'resumes_as', redis.call('HGET', job, 'status'), 'status', 'paused', 'message', why)
  tell('status', 'paused', why)
  unschedule()
  renew_ttl(tonumber(redis.call('HGET', job, 'ttl_ms')))
end

-- Count what an attempt cost; where that passes the job's budget, nothing more of it begins. `ending`: 1 where the row
-- ends with it, else 0.
local function charge(tokens_in, tokens_out, ending)
  if tokens_in + tokens_out == 0 then return end
  local spent = redis.call('HINCRBY', job, 'tokens_in', tokens_in) + redis.call('HINCRBY', job, 'tokens_out', tokens_out)
  local known = redis.call('HMGET', job, 'tokens_max', 'status', 'left', 'tokens_step')
  local most = tonumber(known[1] or 0)
  if most > 0 and spent >= most and is_open(known[2]) and tonumber(known[3]) > ending then
    pause('The budget of ' .. known[4] .. ' tokens is used up: ' .. string.format('%d', spent) .. ' in all')
  end
end

local function finish_row(row, succeeded, result)
  redis.call('HSET', job .. ':results', row, result)
  redis.call('HDEL', job .. ':rows', row)
  redis.call('HDEL', job .. ':texts', row)
  redis.call('ZREM', job .. ':due', row)
  redis.call('HINCRBY', job, succeeded and 'processed' or 'failed', 1)
  tell('progress', row, result)
  if redis.call('HINCRBY', job, 'left', -1) == 0 then
    finish_run()
    return {}
  end
  local taken = refill()
  reschedule()
  renew_ttl()
  return taken
end

-- nil where the job takes writes of this run; else why it does not.
local function refuse(run)
  local known = redis.call('HMGET', job, 'run', 'status')
  if not known[1] then return {'missing'} end
  if known[1] ~= run then return {'stale'} end
  if not is_open(known[2]) and known[2] ~= 'paused' then return {'over', known[2]} end
end

-- The row's state where this claim still holds it, else nil and why nothing may be written: the fence decides, never
-- the lease's age.
local function held(run, row, fence)
  local no = refuse(run)
  if no then return nil, no end
  local state = row_state(row)
  if state and state.s == 'running' and state.f == tonumber(fence) then return state end
  return nil, {'lost'}
end

local commands = {}

function commands.refill()
  if not is_open(redis.call('HGET', job, 'status')) then return {'over'} end
  local taken = refill()
  reschedule()
  renew_ttl()
  return {'ok', redis.call('HGET', job, 'run'), taken}
end

local function grant(row, state)
  local facts = redis.call('HMGET', job, 'owner', 'config', 'model_name', 'api_key_from')
  local secrets = redis.call('HMGET', job .. ':secrets', 'api_key', row)
  return {'ok', state.f, state.a, state.n, state.w, state.d, state.x or 0,
    redis.call('HGET', job .. ':documents', row), facts[1], facts[2], facts[3], state.m or facts[3], facts[4], secrets[1] or '', secrets[2] or '',
    redis.call('HGET', job .. ':texts', row) or '', redis.call('HGET', job .. ':exclusions', 'terms') or '',
    redis.call('HEXISTS', job .. ':exclusions', 'pdf')}
end

local function model_of(state)
  return state.m or redis.call('HGET', job, 'model_name')
end

local function processing(row, state)
  local document = cjson.decode(redis.call('HGET', job .. ':documents', row))
  return cjson.encode({row_id = tonumber(row), row_number = row + 1, title = document.title, status = 'processing',
    retry_count = state.a, model_name = model_of(state), id = document.id})
end

-- The row's message has come while its job is paused, and is used up: when the job goes on, another is sent at once.
local function park(row)
  local state = row_state(row)
  if state and state.s == 'sent' then
    state.s = 'waiting'
    put_row(row, state, now)
  end
  return {'paused'}
end

function commands.claim(run, row, claim, lease_ms)
  local no = refuse(run)
  if no then return no end
  if redis.call('HGET', job, 'status') == 'paused' then return park(row) end
  local state = row_state(row)
  if not state then return {'over'} end
  -- The same claim again: its reply was lost, and a worker must not be locked out of its own row.
  if state.s == 'running' and state.c == claim then return grant(row, state) end
  if state.s == 'running' then return {'held'} end
  if state.s == 'waiting' then return {'early'} end
  redis.call('HSET', job, 'status', 'processing')
  state.s, state.c, state.g, state.a, state.r = 'running', claim, 'fetch', state.a + 1, nil
  state.f, state.l = redis.call('HINCRBY', job, 'fence', 1), processing(row, state)
  put_row(row, state, now + lease_ms)
  tell('progress', row, state.l)
  reschedule()
  renew_ttl()
  return grant(row, state)
end

-- A stage begins; after a cancel none is granted. `text` (of the stage `tag`) is the row's checkpoint.
function commands.begin(run, row, fence, stage, text)
  local state, no = held(run, row, fence)
  if no then return no end
  state.g = stage
  redis.call('HSET', job .. ':rows', row, cjson.encode(state))
  if text ~= '' then redis.call('HSET', job .. ':texts', row, text) end
  renew_ttl()
  return {'ok'}
end

-- The job's exclusion list is read: its terms stand in the PDF's place. Whoever read it at the same time changes nothing.
function commands.exclude(run, row, fence, terms)
  local _, no = held(run, row, fence)
  if no then return no end
  redis.call('HSETNX', job .. ':exclusions', 'terms', terms)
  redis.call('HDEL', job .. ':exclusions', 'pdf')
  renew_ttl()
  return {'ok'}
end

-- `begun` is 0 where the attempt came to nothing before it began: its number is given back. `model`: the one that the
-- row goes on with, for which all is counted anew; empty: the same.
function commands.retrying(run, row, fence, delay_ms, counts, begun, model, body, tokens_in, tokens_out)
  local state, no = held(run, row, fence)
  if no then return no end
  if begun == '0' then state.a = state.a - 1 end
  if counts == '1' then state.n = state.n + 1 else state.w = state.w + delay_ms end
  if model ~= '' then state.m, state.n, state.w = model, 0, 0 end
  state.s, state.l = 'waiting', body
  put_row(row, state, now + delay_ms)
  tell('progress', row, body)
  charge(tonumber(tokens_in), tonumber(tokens_out), 0)
  reschedule()
  renew_ttl()
  return {'ok'}
end

function commands.finish(run, row, fence, succeeded, result, tokens_in, tokens_out)
  local _, no = held(run, row, fence)
  if no then return no end
  charge(tonumber(tokens_in), tonumber(tokens_out), 1)
  return {'ok', finish_row(row, succeeded == '1', result)}
end

-- The key was refused: nothing of this job can go on. The row stays pending, and so do all others.
function commands.fail_job(run, row, fence, body, sentence)
  local _, no = held(run, row, fence)
  if no then return no end
  tell('progress', row, body)
  local told = cjson.decode(body)
  redis.call('HSET', job, 'error_type', told.error_type or '', 'error_code', told.error_code or '')
  finish_job('failed', sentence)
  return {'ok'}
end

-- A worker gives a row back: no attempt, no death.
function commands.release(run, row, fence, body)
  local state, no = held(run, row, fence)
  if no then return no end
  state.a, state.l = state.a - 1, body
  put_sent(row, state)
  tell('progress', row, body)
  reschedule()
  renew_ttl()
  return {'ok'}
end

-- The lease of a row ran out: its worker died. Another attempt at once, or the end of the row.
function commands.lapse(run, row, fence, again, failed)
  local state, no = held(run, row, fence)
  if no then return no end
  if tonumber(redis.call('ZSCORE', job .. ':due', row)) > now then return {'held'} end
  if state.g == 'extract' then state.d = state.d + 1 else state.x = (state.x or 0) + 1 end
  if state.d >= MAX_DEATHS or (state.x or 0) >= MAX_DEATHS_ELSEWHERE then return {'failed', finish_row(row, false, failed)} end
  state.l = again
  put_sent(row, state)
  tell('progress', row, again)
  reschedule()
  renew_ttl()
  return {'ok', {tonumber(row)}}
end

-- All rows that a process holds, from ARGV[3] on, four arguments each: job id, run, row, fence. A word for each.
function commands.renew(lease_ms)
  local words = {}
  for i = 3, #ARGV, 4 do
    open(ARGV[i])
    if held(ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) then
      redis.call('ZADD', job .. ':due', now + lease_ms, ARGV[i + 2])
      reschedule()
      renew_ttl()
      words[#words + 1] = 'ok'
    else
      words[#words + 1] = 'lost'
    end
  end
  return words
end

-- How long a message may lie in a long queue before another is sent: else a slow job floods it with its own repeats.
local function patience_ms(state)
  return ROW_RESEND_MS * 2 ^ math.min(state.r or 0, ROW_RESENDS_MAX)
end

-- One due row: what has to be done about it, appended to `send` or `lapsed`.
local function look_at(run, row, queued, threads, judge, send, lapsed)
  local state = row_state(row)
  if not state then
    redis.call('ZREM', job .. ':due', row)
  elseif state.s == 'running' then
    if judge then
      lapsed[#lapsed + 1] = {job_id(), run, tonumber(row), state.f, state.a,
        model_of(state), state.g, redis.call('HGET', job .. ':documents', row)}
    end
  elseif state.s == 'waiting' or queued < threads or now - state.t >= patience_ms(state) then
    if state.s == 'sent' then state.r = (state.r or 0) + 1 end
    put_sent(row, state)
    send[#send + 1] = {job_id(), run, tonumber(row)}
  else
    redis.call('ZADD', job .. ':due', now + ROW_QUIET_MS, row)
  end
end

-- The scheduler's step: due rows to the queue, rows that should be moving and are not sent again.
function commands.tick(worker, queued, judge, limit)
  redis.call('ZADD', workers, now, worker)
  redis.call('ZREMRANGEBYSCORE', workers, '-inf', now - WORKER_SILENT_MS)
  redis.call('PEXPIRE', workers, WORKER_SILENT_MS)
  local threads, send, lapsed = living_threads(), {}, {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', active, '-inf', now, 'LIMIT', 0, limit)) do
    open(id)
    local known = redis.call('HMGET', job, 'run', 'status')
    if not is_open(known[2]) then
      redis.call('ZREM', active, id)
    else
      for _, row in ipairs(redis.call('ZRANGEBYSCORE', job .. ':due', '-inf', now, 'LIMIT', 0, limit)) do
        look_at(known[1], row, tonumber(queued), threads, judge == '1', send, lapsed)
      end
      for _, row in ipairs(refill()) do send[#send + 1] = {id, known[1], row} end
      count_out()
      redis.call('ZADD', active, next_look(), id)
      renew_ttl()
    end
  end
  return {send, lapsed}
end

-- What there is to do in all jobs that are neither over nor paused: jobs, rows that have not ended, those of them that
-- run, and for how long the oldest of the others has waited (ms): since its run began, or since it was sent.
function commands.load()
  local jobs, rows, running, oldest = 0, 0, 0, 0
  for _, id in ipairs(redis.call('ZRANGE', active, 0, -1)) do
    open(id)
    local known = redis.call('HMGET', job, 'status', 'left', 'next', 'total', 'begun_ms')
    if is_open(known[1]) then
      jobs, rows = jobs + 1, rows + known[2]
      if tonumber(known[3]) < tonumber(known[4]) then oldest = math.max(oldest, now - (known[5] or now)) end
      for _, text in ipairs(redis.call('HVALS', job .. ':rows')) do
        local state = cjson.decode(text)
        if state.s == 'running' then running = running + 1 end
        if state.s == 'sent' then oldest = math.max(oldest, now - state.t) end
      end
    end
  end
  return {jobs, rows, running, oldest}
end

local function rows_told()
  local told, due = {}, redis.call('ZRANGE', job .. ':due', 0, -1, 'WITHSCORES')
  for i = 1, #due, 2 do
    local state = row_state(due[i])
    if state and state.l then
      told[#told + 1] = state.s == 'waiting' and due[i + 1] or '0'
      told[#told + 1] = state.l
    end
  end
  return told
end

local function results_since(id)
  local results, seen = {}, {}
  for _, entry in ipairs(redis.call('XRANGE', job .. ':events', '(' .. id, '+')) do
    local row = entry[2][6]
    local result = row ~= '' and not seen[row] and redis.call('HGET', job .. ':results', row)
    if result then
      results[#results + 1], results[#results + 2], seen[row] = row, result, true
    end
  end
  return results
end

function commands.snapshot(run, id)
  local facts = redis.call('HGETALL', job)
  if #facts == 0 then return {'missing'} end
  local last = redis.call('XREVRANGE', job .. ':events', '+', '-', 'COUNT', 1)[1]
  local known = run ~= '' and run == redis.call('HGET', job, 'run')
    and #redis.call('XRANGE', job .. ':events', id, id) == 1
  local results = known and results_since(id) or redis.call('HGETALL', job .. ':results')
  return {'ok', facts, redis.call('PTTL', job), now, last[1], known and 'since' or 'all', results, rows_told()}
end
