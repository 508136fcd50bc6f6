"""What is done to jobs in Redis, each as one script: all of it or nothing, whoever dies meanwhile. Pure text.

Keys, all with one prefix: of a job ``job:ID`` (its fields), ``pics:ID`` (name, kind, value and tries of each picture; a
kind that is empty: it has its line) and ``waiting:ID`` (indices); of a caller ``open:OWNER`` (his unfinished jobs) and
``bytes:OWNER``; of all ``at_work`` (ID:INDEX by the end of its lease), ``unfinished`` (by creation), ``ended`` (by
their end, once their webhook is settled), ``hooks`` (by when they are due), ``states`` and ``hook_states`` (counts).

A script's first write is one that a full Redis refuses, or one that frees: so a full one changes nothing or all.
``ARGV[1]`` is the time in seconds since 1970, empty for Redis' own, which is the same for all machines.
"""

from __future__ import annotations

FIELDS = ("id", "endpoint", "state", "total", "answered", "failed", "created", "started", "finished",
          "hook_url", "hook_state", "hook_tries", "hook_due", "hook_said")  # fmt: skip
"""Of a job, as scripts return it."""

_COMMON = """
local P = KEYS[1]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local function job(id) return P .. 'job:' .. id end
local function pics(id) return P .. 'pics:' .. id end
local function waiting(id) return P .. 'waiting:' .. id end
local function of(id, field) return redis.call('HGET', job(id), field) end
local function told(id) return redis.call('HMGET', job(id), FIELDS) end
local function moved(counts, from, to)
  if from then redis.call('HINCRBY', P .. counts, from, -1) end
  if to then redis.call('HINCRBY', P .. counts, to, 1) end
end
local function set(id, counts, field, to)
  moved(counts, of(id, field), to)
  redis.call('HSET', job(id), field, to)
end
local function hold(owner, more)
  if redis.call('INCRBY', P .. 'bytes:' .. owner, more + 0) <= 0 then redis.call('DEL', P .. 'bytes:' .. owner) end
end
local function held(owner) return tonumber(redis.call('GET', P .. 'bytes:' .. owner) or 0) end
local function mine(id, owner, seconds)
  if of(id, 'owner') ~= owner then return false end
  local finished = of(id, 'finished')
  return not (finished and tonumber(finished) + tonumber(seconds) <= now)
end
local function settle(id)
  local total, answered, failed, hook, owner =
    unpack(redis.call('HMGET', job(id), 'total', 'answered', 'failed', 'hook_url', 'owner'))
  if answered + failed < tonumber(total) then return end
  set(id, 'states', 'state', tonumber(answered) > 0 and 'done' or 'failed')
  redis.call('HSETNX', job(id), 'started', now)
  redis.call('HSET', job(id), 'finished', now)
  redis.call('SREM', P .. 'open:' .. owner, id)
  redis.call('ZREM', P .. 'unfinished', id)
  if hook == '' then redis.call('ZADD', P .. 'ended', now, id) return end
  set(id, 'hook_states', 'hook_state', 'pending')
  redis.call('HSET', job(id), 'hook_due', now)
  redis.call('ZADD', P .. 'hooks', now, id)
end
local function drop(id)
  local owner, bytes, total, state, hook, hook_state =
    unpack(redis.call('HMGET', job(id), 'owner', 'bytes', 'total', 'state', 'hook_url', 'hook_state'))
  redis.call('UNLINK', pics(id), waiting(id), job(id))
  for index = 0, total - 1 do redis.call('ZREM', P .. 'at_work', id .. ':' .. index) end
  redis.call('SREM', P .. 'open:' .. owner, id)
  for _, each in ipairs({'unfinished', 'ended', 'hooks'}) do redis.call('ZREM', P .. each, id) end
  hold(owner, 0 - bytes)
  moved('states', state)
  if hook ~= '' then moved('hook_states', hook_state) end
end
local function full(owner, most, bytes, room)
  if redis.call('SCARD', P .. 'open:' .. owner) >= tonumber(most) then return 'jobs' end
  if held(owner) + bytes > tonumber(room) then return 'bytes' end
end
""".replace("FIELDS", ", ".join(f"'{field}'" for field in FIELDS))


def _script(text: str) -> str:
    return _COMMON + text


FULL = _script("return full(ARGV[2], ARGV[3], ARGV[4], ARGV[5])")
"""Owner, most jobs, bytes more, most bytes → ``jobs`` or ``bytes`` for what has no room, else nothing."""

OPEN = _script("""
local id, owner, most, bytes, room, total, failed, endpoint, values, hook = unpack(ARGV, 2, 11)
if redis.call('EXISTS', job(id)) == 1 then return 'ok' end
local refused = full(owner, most, bytes, room)
if refused then return refused end
if redis.call('EXISTS', pics(id)) == 0 then return 'late' end
redis.call('HSET', job(id), 'id', id, 'owner', owner, 'endpoint', endpoint, 'vals', values, 'total', total,
  'answered', 0, 'failed', failed, 'bytes', bytes, 'created', now, 'hook_url', hook, 'hook_tries', 0, 'hook_due', 0,
  'hook_said', '')
redis.call('PERSIST', pics(id))
set(id, 'states', 'state', 'queued')
if hook ~= '' then set(id, 'hook_states', 'hook_state', 'waiting') end
hold(owner, bytes)
redis.call('SADD', P .. 'open:' .. owner, id)
redis.call('ZADD', P .. 'unfinished', now, id)
for at = 12, #ARGV, 2 do
  redis.call('SADD', waiting(id), ARGV[at])
  redis.call('LPUSH', P .. 'queue', ARGV[at + 1])
end
settle(id)
return 'ok'
""")
"""A job whose pictures are there already, and expire unless this is done: id, owner, most jobs, bytes, most bytes,
total, failed, endpoint, values, webhook; then index and message of each picture that waits. ``late``: they expired.
"""

GET = _script("if mine(ARGV[2], ARGV[3], ARGV[4]) then return told(ARGV[2]) end")
"""Id, owner, seconds that a finished job is kept → its fields, or nothing."""

DELETE = _script("""
if not mine(ARGV[2], ARGV[3], ARGV[4]) then return 0 end
drop(ARGV[2])
return 1
""")

BEGIN = _script("""
local id, index, lease = unpack(ARGV, 2, 4)
if redis.call('SREM', waiting(id), index) == 0 then return false end
redis.call('ZADD', P .. 'at_work', now + lease, id .. ':' .. index)
local tries = redis.call('HINCRBY', pics(id), index .. ':tries', 1)
if of(id, 'state') == 'queued' then set(id, 'states', 'state', 'running') end
redis.call('HSETNX', job(id), 'started', now)
local name, kind, value = unpack(redis.call('HMGET', pics(id), index .. ':name', index .. ':kind', index .. ':value'))
return {name, kind, value, of(id, 'endpoint'), of(id, 'vals'), tries}
""")
"""Id, index, seconds of the lease → what the picture is; nothing when it does not wait."""

PUT_BACK = _script("""
local id, index, message, uncounted = unpack(ARGV, 2, 5)
if redis.call('ZREM', P .. 'at_work', id .. ':' .. index) == 0 then return end
redis.call('SADD', waiting(id), index)
if uncounted == '1' then redis.call('HINCRBY', pics(id), index .. ':tries', -1) end
redis.call('RPUSH', P .. 'queue', message)
""")

END = _script("""
local id, index, line, well, room = unpack(ARGV, 2, 6)
local kind, old = unpack(redis.call('HMGET', pics(id), index .. ':kind', index .. ':value'))
if not kind or kind == '' then return 1 end
local owner, more = of(id, 'owner'), #line - #old
if well == '1' and held(owner) + more > tonumber(room) then return 0 end
redis.call('HSET', pics(id), index .. ':value', line, index .. ':kind', '')
redis.call('ZREM', P .. 'at_work', id .. ':' .. index)
redis.call('SREM', waiting(id), index)
redis.call('HINCRBY', job(id), well == '1' and 'answered' or 'failed', 1)
redis.call('HINCRBY', job(id), 'bytes', more)
hold(owner, more)
settle(id)
return 1
""")
"""Id, index, line, whether it is an answer, most bytes → 0 when there is no room."""

DUE = _script("""
local id = redis.call('ZRANGEBYSCORE', P .. 'hooks', '-inf', now, 'LIMIT', 0, 1)[1]
if not id then return false end
redis.call('ZADD', P .. 'hooks', now + ARGV[2], id)
return told(id)
""")
"""Seconds that the webhook is nobody else's → its job."""

TOLD = _script("""
local id, state, tries, due, said = unpack(ARGV, 2, 6)
if redis.call('EXISTS', job(id)) == 0 then return end
redis.call('HSET', job(id), 'hook_tries', tries, 'hook_due', due, 'hook_said', said)
set(id, 'hook_states', 'hook_state', state)
if state == 'pending' then redis.call('ZADD', P .. 'hooks', due, id) return end
redis.call('ZREM', P .. 'hooks', id)
redis.call('ZADD', P .. 'ended', of(id, 'finished'), id)
""")

FORGET = _script("""
local old = redis.call('ZRANGEBYSCORE', P .. 'ended', '-inf', now - ARGV[2], 'LIMIT', 0, 100)
for _, id in ipairs(old) do drop(id) end
return #old
""")
"""Seconds that a finished job is kept → how many were dropped."""

RENEW = _script("""
for at = 3, #ARGV do redis.call('ZADD', P .. 'at_work', 'XX', now + ARGV[2], ARGV[at]) end
""")
"""Seconds of the lease, ID:INDEX of each picture that is still at work."""

LOST = _script("""
local found = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', P .. 'at_work', '-inf', now, 'LIMIT', 0, 1000)) do
  local id, index = string.match(member, '^(.*):(%d+)$')
  redis.call('ZREM', P .. 'at_work', member)
  redis.call('SADD', waiting(id), index)
  table.insert(found, member)
end
local first = ARGV[2] ~= '' and of(ARGV[2], 'created')
if ARGV[2] ~= '' and not first then return found end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'unfinished', '-inf', first and '(' .. first or '+inf',
    'LIMIT', 0, 1000)) do
  for _, index in ipairs(redis.call('SMEMBERS', waiting(id))) do
    if #found < 1000 then table.insert(found, id .. ':' .. index) end
  end
end
return found
""")
"""Job of the message that comes next, empty when there is none → pictures that wait without a message: what was begun
and not renewed, which waits again; and, since messages come oldest job first, what waits of older jobs than the next
message's. A picture may be among them twice, and a message too many does no harm.
"""
