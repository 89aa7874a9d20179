"""The stream of accepted events in Redis.

An event is marked as seen and appended in one script, so a repeated request adds nothing and a lost reply loses
nothing. One process at a time holds the lease to drain; entries are dropped only under that lease.
"""

from __future__ import annotations

from collections.abc import Sequence

from serving.stores import keys
from serving.stores.connection import RedisConnection

BATCH = 200
"""Events per script: it blocks the server for well under a millisecond."""

_APPEND = """
local is_new = {}
for i = 2, #KEYS do
  if redis.call('SET', KEYS[i], '', 'NX', 'EX', ARGV[1]) then
    redis.call('XADD', KEYS[1], '*', 'e', ARGV[i])
    is_new[i - 1] = 1
  else
    is_new[i - 1] = 0
  end
end
return is_new
"""

_LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""

_DROP = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
for i = 2, #ARGV do redis.call('XDEL', KEYS[1], ARGV[i]) end
return 1
"""


class RedisStream:
    """`EventStream` over Redis."""

    def __init__(self, connection: RedisConnection, *, dedupe_seconds: int) -> None:
        self._redis = connection
        self._dedupe_seconds = max(1, dedupe_seconds)

    async def append(self, events: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Append what was not seen before, a batch per script."""
        is_new: list[bool] = []
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            names = [keys.STREAM, *(keys.seen(event_id) for event_id, _ in batch)]
            payloads = [payload for _, payload in batch]
            reply = await self._redis.script(_APPEND, names, [self._dedupe_seconds, *payloads])
            is_new += [bool(flag) for flag in reply]
        return is_new

    async def read(self, limit: int) -> list[tuple[str, bytes]]:
        """Return the oldest entries; reading changes nothing."""
        entries = await self._redis.command("XRANGE", keys.STREAM, "-", "+", "COUNT", limit)
        return [(entry.decode(), fields[b"e"]) for entry, fields in entries]

    async def drop(self, entries: Sequence[str], *, owner: str) -> bool:
        """Remove entries, a batch per script, each only under the owner's lease."""
        for start in range(0, len(entries), BATCH):
            batch = entries[start : start + BATCH]
            if not await self._redis.script(_DROP, [keys.STREAM, keys.LEASE], [owner, *batch]):
                return False
        return True

    async def lease(self, owner: str, *, seconds: float) -> bool:
        """Take or renew the lease."""
        return bool(await self._redis.script(_LEASE, [keys.LEASE], [owner, int(seconds * 1000)]))

    async def release(self, owner: str) -> None:
        """Give the lease back if it is still the owner's."""
        await self._redis.script(_RELEASE, [keys.LEASE], [owner])

    async def length(self) -> int:
        """Return how many events wait."""
        return int(await self._redis.command("XLEN", keys.STREAM))
