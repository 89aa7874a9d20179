"""Candidates, fresh events and erased users in Redis or Valkey, and all three stores together.

Publishing is one atomic pointer change: `point_to` runs as a script. A version's candidates are written with an
expiry; `settle` lifts it from the served version and puts it on every other one, so what a killed publisher or a
lost race leaves behind goes away by itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from recommender.errors import UnknownVersion
from recommender.purpose import Purpose
from serving.events.stream import RedisStream
from serving.settings import SECONDS_PER_DAY, AppSettings
from serving.stores import Pointer, UserRecord, keys
from serving.stores.breaker import BreakerState
from serving.stores.connection import Command, RedisConnection
from serving.stores.redis_items import RedisItems
from serving.stores.user_readers import PoolReader, UserReader, open_reader

BATCH = 500
"""Commands or keys per round trip: a few hundred kilobytes, well under a millisecond of the server's time."""

_POINT_TO = """
local expected = ARGV[3]
if expected == '' then
  if redis.call('EXISTS', KEYS[3]) == 0 then return false end
else
  redis.call('SET', KEYS[3], expected)
end
redis.call('PERSIST', KEYS[3])
redis.call('ZADD', KEYS[2], '+inf', ARGV[1])
local current = redis.call('HGET', KEYS[1], 'current')
if current and current ~= ARGV[1] then
  local keep = tonumber(ARGV[2])
  redis.call('HSET', KEYS[1], 'previous', current)
  redis.call('EXPIRE', ARGV[4] .. current, keep)
  redis.call('ZADD', KEYS[2], redis.call('TIME')[1] + 2 * keep, current)
end
redis.call('HSET', KEYS[1], 'current', ARGV[1])
return redis.call('HMGET', KEYS[1], 'current', 'previous')
"""
"""Every key shares the tag of the pointer, the previous version's manifest too.

A superseded manifest goes first, then the candidates, and last the version's name: a rollback never finds half of
the candidates, and an erasure always finds all of them.
"""

_NOTE_VERSION = "return redis.call('ZADD', KEYS[1], 'GT', redis.call('TIME')[1] + 2 * ARGV[2], ARGV[1])"
_FORGET_VERSIONS = "return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])"


class RedisSlates:
    """`SlateStore` over Redis."""

    def __init__(
        self,
        connection: RedisConnection,
        *,
        keep_seconds: int,
        fresh_events: int,
        fresh_seconds: int,
        users: UserReader | None = None,
    ) -> None:
        self._redis = connection
        self._users = users or PoolReader(connection, fresh_events=fresh_events)
        self._keep = keep_seconds
        self._fresh_events = fresh_events
        self._fresh_seconds = fresh_seconds

    async def ping(self) -> None:
        """Return if the server answers."""
        await self._redis.command("PING")

    async def pointer(self) -> Pointer:
        """Return which version is served."""
        return _pointer(await self._redis.command("HMGET", keys.POINTER, "current", "previous"))

    async def versions(self) -> Mapping[str, int]:
        """Return the versions whose candidates are kept."""
        names = await self._version_names()
        counts = await self._redis.commands([("GET", keys.manifest(name)) for name in names])
        return {name: int(count) for name, count in zip(names, counts, strict=True) if count is not None}

    async def write(self, version: str, purpose: Purpose, records: Sequence[tuple[str, bytes]]) -> None:
        """Write candidates, each with an expiry of its own so that they do not all go at once."""
        await self._redis.script(_NOTE_VERSION, [keys.VERSIONS], [version, self._keep])
        await self._each(
            [
                ("SET", keys.candidates(version, purpose, user), record, "EX", self._expiry(user))
                for user, record in records
            ]
        )

    async def count(self, version: str, purpose: Purpose, users: Sequence[str]) -> int:
        """Ask for each key: what an eviction or a concurrent deletion took is not counted."""
        found = await self._each([("EXISTS", keys.candidates(version, purpose, user)) for user in users])
        return sum(int(reply) for reply in found)

    async def point_to(self, version: str, *, users: int | None = None) -> Pointer:
        """Flip the pointer in one script; the superseded version's manifest expires just before its candidates."""
        reply = await self._redis.script(
            _POINT_TO,
            [keys.POINTER, keys.VERSIONS, keys.manifest(version)],
            [version, self._keep, "" if users is None else users, keys.manifest("")],
        )
        if reply is None:
            raise UnknownVersion(f"no candidates of version {version} are kept any more; publish it again")
        return _pointer(reply)

    async def settle(self) -> None:
        """Walk over all candidates: idempotent, and safe beside readers."""
        current = (await self.pointer()).current

        async def visit(found: list[str]) -> None:
            await self._each([self._settled(key, current) for key in found])

        await self._redis.scan(keys.CANDIDATES, visit)
        await self._redis.script(_FORGET_VERSIONS, [keys.VERSIONS], [])

    async def read_user(self, user_id: str, *, version: str | None, purpose: Purpose) -> UserRecord:
        """Read everything in one round trip."""
        return await self._users.read(user_id, version, purpose)

    async def remember(self, fresh: Mapping[str, Sequence[bytes]]) -> None:
        """Push, cap and renew the expiry of each user's list."""
        commands: list[Command] = []
        for user_id, events in fresh.items():
            key = keys.fresh(user_id)
            commands += [
                ("LPUSH", key, *events),
                ("LTRIM", key, 0, self._fresh_events - 1),
                ("EXPIRE", key, self._fresh_seconds),
            ]
        await self._each(commands)

    async def erase(self, user_id: str) -> None:
        """Note the erasure first: a publisher that writes meanwhile looks at the set before it publishes."""
        await self._redis.command("SADD", keys.ERASED, user_id)
        doomed = [
            keys.candidates(version, purpose, user_id) for version in await self._version_names() for purpose in Purpose
        ]
        await self._each([("DEL", key) for key in [keys.fresh(user_id), *doomed]])

    async def erased(self) -> frozenset[str]:
        """Return all erased users."""
        return frozenset(user.decode() for user in await self._redis.command("SMEMBERS", keys.ERASED))

    async def _version_names(self) -> list[str]:
        return sorted(name.decode() for name in await self._redis.command("ZRANGE", keys.VERSIONS, 0, -1))

    async def _each(self, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        for start in range(0, len(commands), BATCH):
            replies += await self._redis.commands(commands[start : start + BATCH])
        return replies

    def _settled(self, key: str, current: str | None) -> Command:
        if keys.version_of(key) == current:
            return ("PERSIST", key)
        return ("EXPIRE", key, self._expiry(key), "NX")

    def _expiry(self, text: str) -> int:
        """Spread expiries over a tenth of the time: a server that drops a million keys at once stalls its readers."""
        return self._keep + 60 + zlib.crc32(text.encode()) % max(1, self._keep // 10)


class RedisStores:
    """The three stores over one pool of connections."""

    def __init__(self, connection: RedisConnection, settings: AppSettings, *, users: UserReader | None = None) -> None:
        serving, redis = settings.serving, settings.redis
        self.connection = connection
        self._users = users or PoolReader(connection, fresh_events=serving.fresh_events)
        self.slates = RedisSlates(
            connection,
            keep_seconds=int(redis.keep_days * SECONDS_PER_DAY),
            fresh_events=serving.fresh_events,
            fresh_seconds=int(serving.fresh_days * SECONDS_PER_DAY),
            users=self._users,
        )
        self.items = RedisItems(connection)
        self.stream = RedisStream(connection, dedupe_seconds=int(serving.dedupe_hours * 3600))

    @classmethod
    def connect(cls, url: str, settings: AppSettings, *, timeout_seconds: float | None = None) -> RedisStores:
        """Prepare connections to `url`; a publisher, unlike a request, may wait longer than the settings say.

        Raises
        ------
        ConfigError
            If the address cannot be understood.
        """
        connection = RedisConnection.open(url, settings.redis, timeout_seconds=timeout_seconds)
        return cls(connection, settings, users=open_reader(url, connection, settings, timeout_seconds=timeout_seconds))

    @property
    def breaker_state(self) -> BreakerState:
        """Whether calls are let through: the worse of reading users and of everything else."""
        return max(self.connection.breaker.state, self._users.state)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._users.close()
        await self.connection.close()


def _pointer(reply: Sequence[bytes | None]) -> Pointer:
    current, previous = (None if value is None else value.decode() for value in reply)
    return Pointer(current, previous)
