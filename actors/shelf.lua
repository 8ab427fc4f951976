-- The uploads of one caller. One call is one step.
--
-- KEYS[1]  owner:{sub}:uploads   hash: upload id -> bytes that it takes here; `` (empty): all of them together
-- upload:{id}   hash: owner, size, pieces (0: it lies in a bucket) once it is kept; piece number -> bytes
--
-- What nobody keeps, since its request broke off, has no owner, is found by nobody, and expires by itself.

local WAIT_MAX_MS = 86400000

local index = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function upload(id)
  return 'upload:{' .. id .. '}'
end

local function expire_no_sooner(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end

local function forget(id)
  local bytes = redis.call('HGET', index, id)
  if not bytes then return end
  redis.call('HINCRBY', index, '', -bytes)
  redis.call('HDEL', index, id)
end

-- How many uploads there are beside the sum of their bytes, which has a field of its own.
local function count()
  return math.max(0, redis.call('HLEN', index) - 1)
end

local function sum()
  return tonumber(redis.call('HGET', index, '') or 0)
end

-- Forget those that have expired; returns when the next will (ms from now).
local function prune()
  local soonest = math.huge
  for _, id in ipairs(redis.call('HKEYS', index)) do
    local left = id ~= '' and redis.call('PTTL', upload(id)) or math.huge
    if left < 0 then forget(id) else soonest = math.min(soonest, left) end
  end
  return soonest
end

-- Whether a test holds once what has expired is forgotten; else when the next expires.
local function full(test)
  if not test() then return end
  local soonest = prune()
  if test() then return math.min(soonest, WAIT_MAX_MS) end
end

local commands = {}

-- One piece more of an upload; number 0 begins it. Without bytes it only counts.
function commands.append(id, number, bytes, unfinished_ms, count_max, bytes_max)
  local soonest = number == '0' and full(function() return count() >= tonumber(count_max) end)
    or full(function() return sum() + #bytes > tonumber(bytes_max) end)
  if soonest then return {'full', soonest} end
  if number ~= '0' and redis.call('EXISTS', upload(id)) == 0 then return {'gone'} end
  redis.call('HSET', upload(id), number, bytes)
  redis.call('PEXPIRE', upload(id), unfinished_ms)
  redis.call('HINCRBY', index, '', #bytes)
  redis.call('HINCRBY', index, id, #bytes)
  expire_no_sooner(index, unfinished_ms)
  return {'ok'}
end

-- Keep uploads, all or none: three arguments each, from ARGV[4] on: id, bytes, pieces. Returns until when (ms).
function commands.keep(owner, ttl_ms)
  for i = 4, #ARGV, 3 do
    if redis.call('EXISTS', upload(ARGV[i])) == 0 then return {'gone'} end
  end
  for i = 4, #ARGV, 3 do
    redis.call('HSET', upload(ARGV[i]), 'owner', owner, 'size', ARGV[i + 1], 'pieces', ARGV[i + 2])
    redis.call('PEXPIRE', upload(ARGV[i]), ttl_ms)
  end
  expire_no_sooner(index, ttl_ms)
  return {'ok', now + ttl_ms}
end

-- Forget uploads that shall not be kept.
function commands.drop()
  for i = 2, #ARGV do
    redis.call('DEL', upload(ARGV[i]))
    forget(ARGV[i])
  end
  return {'ok'}
end

return commands[ARGV[1]](unpack(ARGV, 2, math.min(#ARGV, 7)))
