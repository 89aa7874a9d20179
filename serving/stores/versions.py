"""The life of a version in Redis: begun, served, kept for a rollback, removed. Each step is one script.

::

    begin ──▶ being written ──▶ point_to ──▶ served ──▶ superseded ──▶ doom ──▶ being removed ──▶ forget
                   │  └───────────────────────── doom ─────────────────▲ ▲
                   └────▶ challenge ──▶ challenger ──▶ withdraw ─────────┘

A version's *manifest* says where it stands: who writes it, then the number of its users; it is gone while the version
is removed. Whoever writes holds a *lease*, so that two publishers do not get into each other's way and a dead one is
known to be dead. Records are removed only while there is no manifest, and a version becomes the served one only while
there is one: neither a publisher nor a remover that was asleep for an hour can do harm when it wakes up.

No record expires by itself, since the served ones must not. What is to go is found by name (see `removal`).
Removing must work in a store that is full, so those scripts only delete.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Mapping

from recommender.errors import StoreUnavailable, UnknownVersion
from serving.stores import Pointer, keys
from serving.stores.connection import RedisConnection

LEASE_SECONDS = 20.0
"""How long after its last sign of life a publisher counts as dead, where the server cannot tell."""
LINGER_SECONDS = 30.0
"""How long a version that is neither served nor the way back stays: a slow server may still answer from it."""
POLL_SECONDS = 0.2

_BEGIN = """
local manifest = redis.call('GET', KEYS[3])
if not manifest and redis.call('ZSCORE', KEYS[2], ARGV[1]) and redis.call('HGET', KEYS[1], 'current') ~= ARGV[1] then
  return 'being removed'
end
local holder = redis.call('GET', KEYS[4])
if holder and string.sub(holder, 1, #ARGV[2]) ~= ARGV[2] then return holder end
redis.call('SET', KEYS[4], ARGV[2] .. ':' .. ARGV[3], 'PX', ARGV[4])
if not tonumber(manifest or '') then redis.call('SET', KEYS[3], 'by:' .. ARGV[2]) end
if not manifest then redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1]) end
return 'begun'
"""
_ADMIT = """
local manifest, users = redis.call('GET', KEYS[3]), ARGV[3]
if not manifest or not (tonumber(manifest) or (users ~= '' and manifest == 'by:' .. ARGV[2])) then return false end
local holder = redis.call('GET', KEYS[4])
local mine = holder and string.sub(holder, 1, #ARGV[2]) == ARGV[2]
if users ~= '' then
  if holder and not mine then return false end
  redis.call('SET', KEYS[3], users)
end
if mine then redis.call('DEL', KEYS[4]) end
"""
"""A version that was written whole, or now is: the first part of two scripts."""
_POINT_TO = f"""{_ADMIT}
local current = redis.call('HGET', KEYS[1], 'current')
if current and current ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'previous', current)
  redis.call('ZADD', KEYS[2], redis.call('TIME')[1], current)
end
redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1])
redis.call('HSET', KEYS[1], 'current', ARGV[1])
redis.call('HDEL', KEYS[1], '{keys.CHALLENGER}' .. ARGV[1])
return redis.call('HGETALL', KEYS[1])
"""
_CHALLENGE = f"""{_ADMIT}
redis.call('HSET', KEYS[1], '{keys.CHALLENGER}' .. ARGV[1], redis.call('TIME')[1])
return redis.call('HGETALL', KEYS[1])
"""
_WITHDRAW = f"""
if redis.call('HDEL', KEYS[1], '{keys.CHALLENGER}' .. ARGV[1]) == 0 then return 0 end
redis.pcall('ZADD', KEYS[2], 'XX', redis.call('TIME')[1], ARGV[1])
return 1
"""
"""Servers notice a moment later, so the candidates linger; a store too full to note since when does without."""
_DOOM = """
local now = tonumber(redis.call('TIME')[1])
local current, previous = unpack(redis.call('HMGET', KEYS[1], 'current', 'previous'))
local known, doomed = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES'), {}
for at = 1, #known, 2 do
  local version, since = known[at], tonumber(known[at + 1])
  local manifest = redis.call('GET', ARGV[3] .. version)
  local is_kept = version == current or redis.call('HEXISTS', KEYS[1], ARGV[5] .. version) == 1
  if not is_kept and redis.call('EXISTS', ARGV[4] .. version) == 0 then
    local stays = 0
    if version == previous then stays = tonumber(ARGV[1])
    elseif tonumber(manifest or '') then stays = tonumber(ARGV[2]) end
    if manifest and since + stays <= now then
      redis.call('DEL', ARGV[3] .. version)
      manifest = false
    end
    if not manifest then table.insert(doomed, version) end
  end
end
return doomed
"""
_ABANDON = """
local holder = redis.call('GET', KEYS[2])
if not holder or string.sub(holder, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if redis.call('GET', KEYS[1]) == 'by:' .. ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""
_FORGET = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
"""
_LET_GO = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
"""Every key of these scripts shares the tag of the pointer, those that are put together from their names too."""


class RedisVersions:
    """Which versions there are, and who may do what with them."""

    def __init__(self, connection: RedisConnection, *, keep_seconds: int, lease_seconds: float = LEASE_SECONDS) -> None:
        self._redis = connection
        self._keep = keep_seconds
        self._lease = lease_seconds
        self._me = uuid.uuid4().hex

    async def pointer(self) -> Pointer:
        """Return which version is served."""
        return _pointer(await self._redis.command("HGETALL", keys.POINTER))

    async def names(self) -> list[str]:
        """Return every version that may have candidates."""
        return sorted(name.decode() for name in await self._redis.command("ZRANGE", keys.VERSIONS, 0, -1))

    async def kept(self) -> Mapping[str, int]:
        """Return the versions that were published and are not being removed, and for how many users."""
        names = await self.names()
        counts = await self._redis.commands([("GET", keys.manifest(name)) for name in names])
        return {name: int(count) for name, count in zip(names, counts, strict=True) if count and count.isdigit()}

    async def begin(self, version: str, *, client_id: str) -> bool:
        """Take or renew the right to write `version`; False if what an earlier life left must be removed first.

        Raises
        ------
        StoreUnavailable
            If another publisher is writing it.
        """
        deadline = time.monotonic() + self._lease + 1.0
        while True:
            answer = await self._redis.script(
                _BEGIN,
                [keys.POINTER, keys.VERSIONS, keys.manifest(version), keys.writer(version)],
                [version, self._me, client_id, int(self._lease * 1000)],
            )
            if answer in {b"begun", b"being removed"}:
                return bool(answer == b"begun")
            if await self._bury(keys.writer(version), answer):
                continue
            if client_id or time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"version {version} is being written by another publisher; wait until it is done, or stop it"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def point_to(self, version: str, *, users: int | None) -> Pointer:
        """Serve `version`, unless it is not there or another publisher has begun to write it.

        Raises
        ------
        UnknownVersion
            If so; the pointer stays as it was.
        """
        return await self._admit(_POINT_TO, version, users=users)

    async def challenge(self, version: str, *, users: int | None) -> Pointer:
        """Keep `version` beside the served one, under the same conditions.

        Raises
        ------
        UnknownVersion
            If they do not hold.
        """
        return await self._admit(_CHALLENGE, version, users=users)

    async def withdraw(self, version: str) -> bool:
        """Let a challenger go; say whether it was one."""
        return bool(await self._redis.script(_WITHDRAW, [keys.POINTER, keys.VERSIONS], [version]))

    async def doom(self) -> list[str]:
        """Return the versions whose records are to be removed: nobody is served from them, or will be, or writes."""
        for lease, holder in await self._writers():
            await self._bury(lease, holder)
        doomed = await self._redis.script(
            _DOOM,
            [keys.POINTER, keys.VERSIONS],
            [self._keep, int(LINGER_SECONDS), keys.manifest(""), keys.writer(""), keys.CHALLENGER],
        )
        return [name.decode() for name in doomed]

    async def abandon(self, version: str) -> bool:
        """Give up writing `version`, which dooms it unless it was served; say whether it was still ours to write."""
        held = await self._redis.script(_ABANDON, [keys.manifest(version), keys.writer(version)], [self._me])
        return bool(held)

    async def forget(self, version: str) -> None:
        """Strike the name of a version that has no records any more."""
        await self._redis.script(_FORGET, [keys.VERSIONS, keys.manifest(version)], [version])

    async def may_remove(self, *, client_id: str) -> bool:
        """Take or renew the right to remove, which only saves work: where the store is too full for it, go on."""
        me = f"{self._me}:{client_id}"
        with contextlib.suppress(StoreUnavailable):
            holder = await self._redis.command("GET", keys.REMOVER)
            if holder is None or holder == me.encode() or await self._bury(keys.REMOVER, holder):
                await self._redis.command("SET", keys.REMOVER, me, "PX", int(self._lease * 1000))
                return True
            return False
        return True

    async def done_removing(self, *, client_id: str) -> None:
        """Give the right to remove back."""
        await self._redis.script(_LET_GO, [keys.REMOVER], [f"{self._me}:{client_id}"])

    async def _admit(self, script: str, version: str, *, users: int | None) -> Pointer:
        reply = await self._redis.script(
            script,
            [keys.POINTER, keys.VERSIONS, keys.manifest(version), keys.writer(version)],
            [version, self._me, "" if users is None else users],
        )
        if reply is None:
            raise UnknownVersion(f"no candidates of version {version} are kept any more; publish it again")
        return _pointer(dict(zip(reply[::2], reply[1::2], strict=True)))

    async def _writers(self) -> list[tuple[str, bytes]]:
        leases = [keys.writer(name) for name in await self.names()]
        holders = await self._redis.commands([("GET", lease) for lease in leases])
        return [(lease, holder) for lease, holder in zip(leases, holders, strict=True) if holder]

    async def _bury(self, lease: str, holder: bytes) -> bool:
        """End a lease if the connection it was taken for is gone, and say whether it was; only one node can tell."""
        client_id = holder.partition(b":")[2]
        if not client_id or holder.startswith(self._me.encode()):
            return False
        try:
            found = await self._redis.command("CLIENT", "LIST", "ID", client_id)
        except StoreUnavailable:
            return False
        if found.strip():
            return False
        await self._redis.script(_LET_GO, [lease], [holder])
        return True


def _pointer(fields: Mapping[bytes, bytes]) -> Pointer:
    # A name that is no text is nobody's version; the others are to be known all the same.
    told = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
    challengers = (name.removeprefix(keys.CHALLENGER) for name in told if name.startswith(keys.CHALLENGER))
    return Pointer(told.get("current"), told.get("previous"), frozenset(challengers))
