"""Ways to read what is known of a user: through a lane, through lanes to the nodes of a cluster, through redis-py.

They answer alike. The first two are on the path of every page view; redis-py answers what a cluster has just moved.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any, Protocol

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import RedisError

from recommender.errors import ConfigError, StoreUnavailable
from serving.settings import AppSettings, masked
from serving.stores import UserRecord, keys
from serving.stores.breaker import BreakerState
from serving.stores.connection import Command, RedisConnection
from serving.stores.fresh_lists import FreshLists
from serving.stores.lane import Lane
from serving.stores.node import Node
from serving.stores.presence import Presence
from serving.stores.user_query import UserQuery, record_of, record_without_candidates
from serving.stores.wire import Refused

LEARN_SECONDS = 1.0
"""The nodes of a cluster are not asked more often than this who owns what."""


class UserReader(Protocol):
    """Reads one user."""

    @property
    def state(self) -> BreakerState:
        """Whether reads are let through."""
        ...

    @property
    def connections_lost(self) -> int:
        """How many connections have ended unasked, as far as that is known."""
        ...

    async def round_trip(self) -> bool:
        """Ask for nothing on the way on which users are read; False while nobody has opened it."""
        ...

    def read(self, user_id: str, version: str | None) -> Awaitable[UserRecord]:
        """Return what is known of a user; without a version, without candidates."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


def open_reader(
    url: str, connection: RedisConnection, settings: AppSettings, *, timeout_seconds: float | None = None
) -> UserReader:
    """Prepare to read users at `url`; nothing is opened before the first one is read.

    Raises
    ------
    ConfigError
        If the address cannot be understood.
    """
    timeout = settings.redis.timeout_ms / 1000 if timeout_seconds is None else timeout_seconds
    fresh_events = settings.serving.fresh_events
    try:
        node = Node.of(url)
    except (RedisError, ValueError, TypeError, OSError) as error:
        raise ConfigError(f"redis.url {masked(url)!r} cannot be used: {error}") from error
    if settings.redis.cluster:
        return ClusterReader(connection, node, timeout_seconds=timeout, fresh_events=fresh_events)
    return LaneReader(Lane(node, connection.presence, timeout_seconds=timeout), fresh_events=fresh_events)


class PoolReader:
    """Reads through redis-py."""

    def __init__(self, connection: RedisConnection, *, fresh_events: int) -> None:
        self._redis = connection
        self._last = FreshLists.longest(fresh_events) - 1

    @property
    def state(self) -> BreakerState:
        """Whether reads are let through."""
        return self._redis.breaker.state

    @property
    def connections_lost(self) -> int:
        """Return 0: redis-py keeps that to itself."""
        return 0

    async def round_trip(self) -> bool:
        """Send a PING."""
        await self._redis.command("PING")
        return True

    async def read(self, user_id: str, version: str | None) -> UserRecord:
        """Read everything in one round trip, or one per node."""
        commands: list[Command] = [
            ("LRANGE", keys.fresh(user_id), 0, self._last),
            ("SISMEMBER", keys.ERASED, user_id),
        ]
        if version is not None:
            commands.append(("GET", keys.candidates(version, user_id)))
        fresh, erased, *candidates = await self._redis.commands(commands)
        if erased:
            return UserRecord(erased=True)
        return UserRecord(candidates=candidates[0] if candidates else None, fresh=tuple(fresh))

    async def close(self) -> None:
        """Do nothing: the connections belong to somebody else."""


class LaneReader:
    """Reads through one lane."""

    def __init__(self, lane: Lane, *, fresh_events: int) -> None:
        self._lane = lane
        self._query = UserQuery(fresh_events=fresh_events)

    @property
    def state(self) -> BreakerState:
        """Whether reads are let through."""
        return self._lane.state

    @property
    def connections_lost(self) -> int:
        """How many connections have ended unasked."""
        return self._lane.lost

    async def round_trip(self) -> bool:
        """Send a PING between the requests of others; False without a connection."""
        return await self._lane.round_trip()

    def read(self, user_id: str, version: str | None) -> Awaitable[UserRecord]:
        """Read everything in one round trip that other readers share."""
        wire = self._lane.wire
        if wire is None or not wire.loop.is_running():
            return self._read_when_up(user_id, version)
        commands = self._query.encode(user_id, version)
        if version is None:
            return wire.ask(commands, 2, record_without_candidates)
        return wire.ask(commands, 3, record_of)

    async def close(self) -> None:
        """Hang up."""
        await self._lane.close()

    async def _read_when_up(self, user_id: str, version: str | None) -> UserRecord:
        await self._lane.up()
        return await self.read(user_id, version)


class ClusterReader:
    """Reads through one lane per node, and through redis-py what no lane leads to."""

    def __init__(self, connection: RedisConnection, node: Node, *, timeout_seconds: float, fresh_events: int) -> None:
        self._redis = connection
        self._node = node
        self._timeout = timeout_seconds
        self._query = UserQuery(fresh_events=fresh_events)
        self._pool = PoolReader(connection, fresh_events=fresh_events)
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._learning: asyncio.Task[None] | None = None
        self._lost_before = 0

    @property
    def state(self) -> BreakerState:
        """The worst of all nodes."""
        return max((lane.state for lane in self._lanes.values()), default=BreakerState.CLOSED)

    @property
    def connections_lost(self) -> int:
        """How many connections have ended unasked, those to nodes that have left included."""
        return self._lost_before + sum(lane.lost for lane in self._lanes.values())

    async def round_trip(self) -> bool:
        """Send a PING to every node there is a connection to; the slowest is what a user waits for."""
        return any(await asyncio.gather(*(lane.round_trip() for lane in self._lanes.values())))

    async def read(self, user_id: str, version: str | None) -> UserRecord:
        """Ask each node for what it has, all at once."""
        parts = self._query.parts(user_id, version)
        owners = [self._redis.owner(key_slot(part.key)) for part in parts]
        lanes = [self._lane_to(owner) for owner in owners if owner is not None]
        if len(lanes) < len(parts):
            return await self._pool.read(user_id, version)
        asked: list[asyncio.Future[tuple[Any]]] = []
        try:
            for lane, part in zip(lanes, parts, strict=True):
                asked.append((await lane.up()).ask(part.command, 1, part.reading))
            replies = [(await reply)[0] for reply in asked]
        except Refused as refused:
            if not refused.error.startswith(("MOVED", "ASK")):
                raise
            return await self._pool.read(user_id, version)
        except StoreUnavailable:
            self._learn()
            raise
        finally:
            _abandon(asked)
        record = record_of(replies) if version is not None else record_without_candidates(replies)
        assert record is not None, "each part was read by its own reading"
        return record

    async def close(self) -> None:
        """Hang up."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.wait([self._learning])
        for lane in self._lanes.values():
            await lane.close()

    def _lane_to(self, owner: tuple[str, int]) -> Lane:
        lane = self._lanes.get(owner)
        if lane is None:
            node = self._node.at(*owner)
            lane = Lane(node, Presence(node.label()), timeout_seconds=self._timeout)
            self._lanes[owner] = lane
        return lane

    def _learn(self) -> None:
        """Ask in the background who owns what, unless that was done a moment ago."""
        if self._learning is None or self._learning.done():
            self._learning = asyncio.create_task(self._learn_once())

    async def _learn_once(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            await self._redis.learn_owners()
            owners = {self._redis.owner(slot) for slot in range(REDIS_CLUSTER_HASH_SLOTS)}
            for gone in self._lanes.keys() - owners:
                lane = self._lanes.pop(gone)
                self._lost_before += lane.lost
                await lane.close()
        await asyncio.sleep(LEARN_SECONDS)


def _abandon(asked: list[asyncio.Future[tuple[Any]]]) -> None:
    """Leave no failure behind that nobody looked at."""
    for reply in asked:
        if not reply.cancel() and not reply.cancelled():
            reply.exception()
