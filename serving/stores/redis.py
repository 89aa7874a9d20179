"""Candidates, fresh events and erased users in Redis or Valkey, and all three stores together.

Publishing is one atomic pointer change; which version may be written, served or removed is the business of `versions`,
and the many records of one that of `version_records`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from serving.events.stream import RedisStream
from serving.settings import SECONDS_PER_DAY, AppSettings
from serving.stores import Pointer, UserRecord, keys
from serving.stores.breaker import BreakerState
from serving.stores.choices import RedisChoices
from serving.stores.connection import Command, RedisConnection
from serving.stores.fresh_lists import FreshLists
from serving.stores.redis_items import RedisItems
from serving.stores.user_readers import PoolReader, UserReader, open_reader
from serving.stores.version_records import SLICE, ClusterRecords, NodeRecords, VersionRecords
from serving.stores.versions import LEASE_SECONDS, RedisVersions

BATCH = 500
"""Commands or keys per round trip: a few hundred kilobytes, well under a millisecond of the server's time."""


class RedisSlates:
    """`SlateStore` over Redis."""

    def __init__(
        self,
        connection: RedisConnection,
        *,
        keep_seconds: int,
        fresh_events: int,
        fresh_seconds: int,
        guest_seconds: int | None = None,
        lease_seconds: float = LEASE_SECONDS,
        users: UserReader | None = None,
    ) -> None:
        self._redis = connection
        self._users = users or PoolReader(connection, fresh_events=fresh_events)
        self._versions = RedisVersions(connection, keep_seconds=keep_seconds, lease_seconds=lease_seconds)
        self._records = _records_of(connection)
        self._choices = RedisChoices(connection, mark_seconds=fresh_seconds)
        self._fresh = FreshLists(
            connection,
            most=fresh_events,
            user_seconds=fresh_seconds,
            guest_seconds=fresh_seconds if guest_seconds is None else guest_seconds,
        )

    async def ping(self) -> None:
        """Return if the server answers."""
        await self._redis.command("PING")

    async def pointer(self) -> Pointer:
        """Return which version is served."""
        return await self._versions.pointer()

    async def versions(self) -> Mapping[str, int]:
        """Return the versions whose candidates are kept."""
        return await self._versions.kept()

    async def write(self, version: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Renew the right to write with every slice: whoever lost it finds out before it writes more."""
        for start in range(0, max(1, len(records)), SLICE):
            await self._begin(version)
            await self._records.write(version, records[start : start + SLICE])

    async def count(self, version: str, users: Sequence[str]) -> int:
        """Ask for each key: what an eviction or a concurrent deletion took is not counted."""
        return await self._records.count(version, users)

    async def point_to(self, version: str, *, users: int | None = None) -> Pointer:
        """Flip the pointer in one script."""
        return await self._versions.point_to(version, users=users)

    async def challenge(self, version: str, *, users: int | None = None) -> Pointer:
        """Note it beside the pointer, in one script."""
        return await self._versions.challenge(version, users=users)

    async def withdraw(self, version: str) -> bool:
        """Strike the note; whoever settles removes the candidates."""
        return await self._versions.withdraw(version)

    async def discard(self, version: str) -> None:
        """Give up the right to write at once, then remove."""
        if await self._versions.abandon(version):
            await self._remove(await self._versions.doom())

    async def settle(self) -> None:
        """Remove if anything is to go, and nobody else is at it."""
        doomed = await self._versions.doom()
        if doomed and await self._may_remove():
            await self._remove(doomed)
            await self._versions.done_removing(client_id=await self._records.client_id())

    def read_user(self, user_id: str, *, version: str | None) -> Awaitable[UserRecord]:
        """Read everything in one round trip; not a coroutine, because each page view awaits it."""
        return self._users.read(user_id, version)

    async def remember(self, fresh: Mapping[str, Sequence[bytes]], *, again: bool = False) -> None:
        """Push, cap and renew the expiry of each visitor's list."""
        await self._fresh.add(fresh, again=again)

    async def merge(self, anonymous_id: str, user_id: str) -> int:
        """Note it first, then move: what arrives in between finds the note."""
        return await self._fresh.merge(anonymous_id, user_id)

    async def merged(self, anonymous_id: str) -> str | None:
        """Return the user that a guest turned out to be."""
        return await self._fresh.merged(anonymous_id)

    async def erase(self, user_id: str) -> None:
        """Note the erasure first: a publisher that writes meanwhile looks at the set before it publishes."""
        await self._redis.command("SADD", keys.ERASED, user_id)
        doomed = [keys.candidates(version, user_id) for version in await self._versions.names()]
        await self._each([("DEL", key) for key in [keys.fresh(user_id), *doomed]])
        await self._choices.forget(user_id)

    async def erased(self) -> frozenset[str]:
        """Return all erased users."""
        return frozenset(user.decode() for user in await self._redis.command("SMEMBERS", keys.ERASED))

    async def choose(self, choices: Mapping[str, int]) -> None:
        """Note choices, and mark the lists of their users."""
        await self._choices.choose(choices)

    async def choices(self, *, since: int | None) -> tuple[int, Mapping[str, int] | None]:
        """Ask for a number; for all choices only if it is another one."""
        return await self._choices.changes(since)

    async def close(self) -> None:
        """Let go of the connections for many records."""
        self._records.close()

    async def _begin(self, version: str) -> None:
        client_id = await self._records.client_id()
        while not await self._versions.begin(version, client_id=client_id):
            await self._remove([version])

    async def _may_remove(self) -> bool:
        return await self._versions.may_remove(client_id=await self._records.client_id())

    async def _remove(self, versions: Sequence[str]) -> None:
        await self._records.remove(versions, await self._versions.names(), self._may_remove)
        for version in versions:
            await self._versions.forget(version)

    async def _each(self, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        for start in range(0, len(commands), BATCH):
            replies += await self._redis.commands(commands[start : start + BATCH])
        return replies


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
            guest_seconds=int(serving.guest_days * SECONDS_PER_DAY),
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

    @property
    def connections_lost(self) -> int:
        """How many connections for reading users have ended unasked."""
        return self._users.connections_lost

    async def round_trip(self) -> bool:
        """Ask for nothing on the way on which users are read; False while nobody has opened it."""
        return await self._users.round_trip()

    async def keeps(self) -> bool | None:
        """Ask whether there is an append-only file; a managed server, or one of a cluster, may not tell."""
        told = await self.connection.command("INFO", "persistence")
        enabled = told.get("aof_enabled") if isinstance(told, dict) else None
        return None if enabled is None else bool(int(enabled))

    async def close(self) -> None:
        """Let go of every connection."""
        await self._users.close()
        await self.slates.close()
        await self.connection.close()


def _records_of(connection: RedisConnection) -> VersionRecords:
    bulk = connection.bulk()
    return ClusterRecords(connection) if bulk is None else NodeRecords(bulk)
