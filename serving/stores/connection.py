"""One pool of connections to Redis, behind a breaker: the only place that knows how Redis fails.

A request waits for Redis at most `timeout_ms`, and never twice: there are no retries. RESP2 is spoken on purpose: every
reply used here looks the same in RESP3, and a new connection needs no handshake before its first command.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from recommender.errors import ConfigError, StoreUnavailable
from serving import spans
from serving.settings import RedisSettings, masked
from serving.stores.breaker import Breaker
from serving.stores.bulk import Bulk
from serving.stores.presence import Presence, told

BULK_TIMEOUT_SECONDS = 5.0
"""Nobody waits for bulk work, so a busy moment should not end it."""

T = TypeVar("T")
Client = Any
"""`Redis` or `RedisCluster`; the two share no typed base."""
Command = tuple[Any, ...]
"""A command as Redis knows it: ``("GET", key)``."""

_FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError, EOFError)
"""Every way in which Redis, or the road to it, says no."""


class RedisConnection:
    """Runs commands, and turns every way to fail into `StoreUnavailable`."""

    def __init__(
        self, client: Client, *, where: str, breaker: Breaker | None = None, bulk: Callable[[], Bulk] | None = None
    ) -> None:
        self._client = client
        self._where = where
        self.presence = Presence(where, breaker)
        self._bulk = bulk

    @classmethod
    def open(cls, url: str, settings: RedisSettings, *, timeout_seconds: float | None = None) -> RedisConnection:
        """Prepare connections to `url`; nothing is sent before the first command.

        Raises
        ------
        ConfigError
            If the address cannot be understood.
        """
        timeout = settings.timeout_ms / 1000 if timeout_seconds is None else timeout_seconds
        options: dict[str, Any] = {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry": Retry(NoBackoff(), 0),
            "max_connections": settings.max_connections,
            "protocol": 2,
            "driver_info": None,
        }
        try:
            client = _cluster(url, options) if settings.cluster else _single(url, options, wait=timeout)
        except (RedisError, ValueError) as error:
            raise ConfigError(f"redis.url {masked(url)!r} cannot be used: {error}") from error
        bulk = functools.partial(
            Bulk.to,
            url,
            timeout_seconds=max(timeout, BULK_TIMEOUT_SECONDS),
            delay_seconds=settings.publish_delay_ms / 1000,
        )
        return cls(client, where=masked(url), bulk=None if settings.cluster else bulk)

    def bulk(self) -> Bulk | None:
        """Return a road of its own for many commands; None where there is none, since a cluster has many nodes."""
        return None if self._bulk is None else self._bulk()

    @property
    def breaker(self) -> Breaker:
        """Whether calls are let through."""
        return self.presence.breaker

    async def command(self, *command: Any) -> Any:
        """Run one command and return its reply."""
        return await self._guarded(lambda: self._client.execute_command(*command))

    async def commands(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one round trip, not atomically, and return their replies in order."""
        if not commands:
            return []
        return await self._guarded(lambda: self._pipeline(commands))

    async def script(self, lua: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a Lua script atomically; all keys share one hash tag."""
        return await self.command("EVAL", lua, len(keys), *keys, *args)

    async def scan(self, prefix: str, visit: Callable[[list[str]], Awaitable[None]], *, batch: int = 1000) -> None:
        """Call `visit` with every key that starts with `prefix`, a batch at a time."""
        found: list[str] = []
        iterator = self._client.scan_iter(match=f"{prefix}*", count=batch).__aiter__()
        while (key := await self._guarded(lambda: anext(iterator, None))) is not None:
            found.append(key.decode())
            if len(found) >= batch:
                await visit(found)
                found = []
        await visit(found)

    def owner(self, slot: int) -> tuple[str, int] | None:
        """Return the node of a cluster that owns a slot, as far as is known: every command may learn of changes."""
        nodes = self._client.nodes_manager.slots_cache.get(slot)
        return (nodes[0].host, nodes[0].port) if nodes else None

    async def learn_owners(self) -> None:
        """Ask a cluster which node owns which slot."""
        await self._guarded(self._client.initialize)
        await self._guarded(self._client.nodes_manager.initialize)

    async def close(self) -> None:
        """Let go of the connections; a server that is away does not matter."""
        try:
            await self._client.aclose()
        except _FAILURES:
            return

    async def _pipeline(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[Any] = await pipeline.execute()
        return replies

    async def _guarded(self, call: Callable[[], Awaitable[T]]) -> T:
        if not self.breaker.permit():
            raise StoreUnavailable(f"Redis at {self._where} is away; not asking again for a moment")
        try:
            with spans.span("redis", within=True):
                result = await call()
        except _FAILURES as error:
            reason = told(str(error)) or type(error).__name__
            self.presence.failed(reason)
            raise StoreUnavailable(f"Redis at {self._where} did not answer: {reason}") from error
        except asyncio.CancelledError:
            self.breaker.abandoned()
            raise
        self.presence.succeeded()
        return result


def _single(url: str, options: Mapping[str, Any], *, wait: float) -> Client:
    pool = BlockingConnectionPool.from_url(url, timeout=wait, **options)
    return Redis.from_pool(pool)


def _cluster(url: str, options: Mapping[str, Any]) -> Client:
    if url.startswith("unix://"):
        raise ValueError("a cluster is reached over TCP")
    # One retry: after a slot has moved, the first try is what tells the client where to.
    return RedisCluster.from_url(url, **{**options, "retry": Retry(NoBackoff(), 1)})
