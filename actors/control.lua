-- What an owner does to a job: start, cancel, pause, resume, retry, delete. The second part of the script, behind
-- `store.lua`, which says what the keys hold.

-- Note which of the uploads that a new job names are its owner's: they are kept as long as it.
local function adopt(owner, uploads)
  for _, id in ipairs(uploads) do
    if redis.call('HGET', 'upload:{' .. id .. '}', 'owner') == owner then
      redis.call('SADD', job .. ':uploads', id)
      redis.call('HSET', job, 'uploads_until', 0)
    end
  end
end

-- The documents follow from ARGV[10] on: ten thousand do not fit on Lua's stack.
function commands.create(owner, run, fingerprint, total, facts, secrets, uploads, exclusion_pdf)
  local known = redis.call('HMGET', job, 'owner', 'fingerprint', 'total')
  if known[1] and known[1] ~= '' then
    if known[1] == owner and known[2] == fingerprint then return {'same', known[3]} end
    return {'conflict'}
  end
  for _, part in ipairs(PARTS) do redis.call('DEL', job .. part) end
  redis.call('HSET', job, 'owner', owner, 'run', run, 'fingerprint', fingerprint, 'status', 'pending',
    'processed', 0, 'failed', 0, 'total', total, 'left', total, 'next', 0, 'seq', -1, 'fence', 0, 'created_ms', now, 'begun_ms', now)
  for name, value in pairs(cjson.decode(facts)) do redis.call('HSET', job, name, value) end
  for name, value in pairs(cjson.decode(secrets)) do redis.call('HSET', job .. ':secrets', name, value) end
  if exclusion_pdf ~= '' then redis.call('HSET', job .. ':exclusions', 'pdf', exclusion_pdf) end
  adopt(owner, cjson.decode(uploads))
  for i = 10, #ARGV do redis.call('HSET', job .. ':documents', i - 10, ARGV[i]) end
  tell('created', '', '')
  redis.call('ZADD', active, now, job_id())
  redis.call('ZADD', 'owner:{' .. owner .. '}:jobs', now, job_id())
  renew_ttl()
  return {'ok', total}
end

-- nil where the job is this owner's.
local function foreign(owner)
  if redis.call('HGET', job, 'owner') ~= owner or owner == '' then return {'missing'} end
end

function commands.cancel(owner)
  local no = foreign(owner)
  if no then return no end
  local status = redis.call('HGET', job, 'status')
  if status == 'completed' or status == 'failed' then return {'over', status} end
  if status ~= 'cancelled' then finish_job('cancelled', 'Job cancelled by its owner') end
  return {'ok'}
end

function commands.pause(owner)
  local no = foreign(owner)
  if no then return no end
  local status = redis.call('HGET', job, 'status')
  if ENDINGS[status] then return {'over', status} end
  if status ~= 'paused' then pause('Job paused by its owner') end
  return {'ok'}
end

-- Where a budget was used up, the job gets as much again: who resumes it, or runs it again, knows what it costs.
local function renew_budget()
  local known = redis.call('HMGET', job, 'tokens_in', 'tokens_out', 'tokens_max', 'tokens_step')
  local spent = tonumber(known[1] or 0) + tonumber(known[2] or 0)
  if known[4] and spent >= tonumber(known[3]) then redis.call('HSET', job, 'tokens_max', spent + known[4]) end
end

function commands.resume(owner)
  local no = foreign(owner)
  if no then return no end
  local known = redis.call('HMGET', job, 'status', 'resumes_as')
  if ENDINGS[known[1]] then return {'over', known[1]} end
  if known[1] == 'paused' then
    redis.call('HSET', job, 'status', known[2], 'message', '')
    renew_budget()
    tell('status', known[2], '')
    count_out()
    redis.call('ZADD', active, now, job_id())
    renew_ttl()
  end
  return {'ok'}
end

-- In a text of JSON every quote is escaped, so this stands in a result only as its status.
local function is_success(result)
  return string.find(result, '"status":"success"', 1, true) ~= nil
end

-- All rows without a good result.
local function rows_not_good()
  local rows, good, results = {}, {}, redis.call('HGETALL', job .. ':results')
  for i = 1, #results, 2 do good[results[i]] = is_success(results[i + 1]) end
  for row = 0, redis.call('HGET', job, 'total') - 1 do
    if not good[tostring(row)] then rows[#rows + 1] = row end
  end
  return rows
end

-- A row that runs again has no result any more.
local function undo(row)
  local result = redis.call('HGET', job .. ':results', row)
  if not result then return end
  redis.call('HDEL', job .. ':results', row)
  redis.call('HINCRBY', job, is_success(result) and 'processed' or 'failed', -1)
end

-- A new run of a job that is over. `facts` are those that it changes; `named`: a list of different rows, in order;
-- empty: all that are not good. The same run again: its reply was lost.
function commands.retry(owner, run, facts, sealed_key, named)
  local no = foreign(owner)
  if no then return no end
  local known = redis.call('HMGET', job, 'status', 'total', 'run', 'left')
  local status, chosen = known[1], cjson.decode(named)
  if known[3] == run then return {'ok', known[4]} end
  if not ENDINGS[status] then return {'running', status} end
  if #chosen > 0 and chosen[#chosen] >= tonumber(known[2]) then return {'unknown', chosen[#chosen]} end
  local rows = #chosen > 0 and chosen or rows_not_good()
  if #rows == 0 then return {'nothing'} end
  for _, row in ipairs(rows) do
    undo(row)
    if #chosen > 0 then redis.call('SADD', job .. ':chosen', row) end
  end
  redis.call('HSET', job, 'run', run, 'status', 'pending', 'message', '', 'error_type', '', 'error_code', '', 'next', 0, 'left', #rows, 'ended', status, 'begun_ms', now)
  for name, value in pairs(cjson.decode(facts)) do redis.call('HSET', job, name, value) end
  if sealed_key ~= '' then redis.call('HSET', job .. ':secrets', 'api_key', sealed_key) end
  renew_budget()
  tell('created', '', '')
  redis.call('ZADD', active, now, job_id())
  renew_ttl()
  return {'ok', #rows}
end

-- Gone for everybody at once; the ending stays for a moment, for who was watching.
function commands.delete(owner)
  local no = foreign(owner)
  if no then return no end
  if not ENDINGS[redis.call('HGET', job, 'status')] then finish_job('cancelled', 'Job deleted by its owner') end
  forget_own_uploads()
  redis.call('ZREM', 'owner:{' .. owner .. '}:jobs', job_id())
  redis.call('HSET', job, 'owner', '')
  for _, part in ipairs(PARTS) do redis.call('PEXPIRE', job .. part, DELETED_MS) end
  return {'ok'}
end

return commands[ARGV[1]](unpack(ARGV, 2, 11))  -- as many as any command names; the rest it takes from ARGV itself
