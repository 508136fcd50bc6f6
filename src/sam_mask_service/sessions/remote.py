"""Uploads in Redis, which any number of machines share. The library is the extra ``redis``.

Each change is one script, so that nothing is ever counted twice or half, whoever dies meanwhile. Pictures expire by
themselves; an index holds their end and size, so that the bytes of all together stay bounded.
"""

from __future__ import annotations

from typing import Any

from ..errors import ImageGone
from .redis_line import client_of, told
from .store import name_of, new_id, unreachable, weight_of

PREFIX = "{sam-mask-images}:"
"""Of every key; the braces keep them on one node of a cluster."""
_INDEX = [PREFIX + part for part in ("ends", "sizes", "bytes")]

_COMMON = """
local ends, sizes, bytes, prefix, name = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]
local ttl = tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function drop(which)
  local size = redis.call('HGET', sizes, which)
  if size then redis.call('DECRBY', bytes, size) end
  redis.call('HDEL', sizes, which)
  redis.call('ZREM', ends, which)
  return redis.call('DEL', prefix .. which)
end
local function touch()
  redis.call('ZADD', ends, now + ttl, name)
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl + 60000) end
end
"""
_PUT = """
for _, old in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now)) do drop(old) end
local size, most = tonumber(ARGV[5]), tonumber(ARGV[6])
while tonumber(redis.call('GET', bytes) or 0) + size > most do
  local oldest = redis.call('ZRANGE', ends, 0, 0)[1]
  if not oldest then redis.call('DEL', bytes) break end
  drop(oldest)
end
redis.call('SET', prefix .. name, ARGV[4], 'PX', ttl)
redis.call('HSET', sizes, name, size)
redis.call('INCRBY', bytes, size)
touch()
"""
_GET = """
local data = redis.call('GET', prefix .. name)
if not data then drop(name) return false end
redis.call('PEXPIRE', prefix .. name, ttl)
touch()
return data
"""
_DELETE = "return drop(name)"


class RedisStore:
    """An ``ImageStore``. ``url``: redis://, rediss:// or unix://, as the library takes it, password among it."""

    def __init__(self, url: str, max_bytes: int, seconds: float) -> None:
        self.max_bytes, self.seconds = max_bytes, seconds
        self._redis = client_of(url)
        self._put, self._get, self._delete = (
            self._redis.register_script(_COMMON + text) for text in (_PUT, _GET, _DELETE)
        )

    def put(self, data: bytes, owner: bytes) -> str:
        weight, image_id = weight_of(data, self.max_bytes), new_id()
        self._call(self._put, image_id, owner, data, weight, self.max_bytes)
        return image_id

    def get(self, image_id: str, owner: bytes) -> bytes:
        data = self._call(self._get, image_id, owner)
        if data is None:
            raise ImageGone
        return bytes(data)

    def delete(self, image_id: str, owner: bytes) -> None:
        if not self._call(self._delete, image_id, owner):
            raise ImageGone

    def _call(self, script: Any, image_id: str, owner: bytes, *rest: bytes | int) -> Any:
        ttl = max(1, round(self.seconds * 1000))
        with told(unreachable):
            return script(keys=_INDEX, args=[PREFIX, name_of(image_id, owner), ttl, *rest])
