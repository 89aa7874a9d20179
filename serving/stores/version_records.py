"""The records of versions, many at a time: written, counted and removed, at a pace that readers bear.

`NodeRecords` speaks to a single node and puts dozens of records into one command. A cluster refuses a command whose
keys lie on several nodes, and a user's key must lie wherever its hash says; there `ClusterRecords` sends one command
per record through redis-py, which knows the nodes, and rests as long as each batch took.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread

from serving.stores import keys
from serving.stores.bulk import Bulk, command, set_many
from serving.stores.connection import Command, RedisConnection

T = TypeVar("T")

RECORDS = 16
BYTES = 65_536
"""Of one command that writes: some thirty microseconds of the server's time, for which readers wait."""
NAMES = 250
"""Records counted by one command."""
DOOMED = 20
"""Records removed by one command: to free memory takes longer than to look."""
SCAN_KEYS = 200
"""Keys looked at by one command."""
WALK_SECONDS = 0.5
"""How long a thread walks before somebody else may have a word."""
SLICE = 16_384
"""Records that a thread works on before somebody else may have a word."""
CLUSTER_BATCH = 500

_UNLINK = """
if redis.call('EXISTS', KEYS[1]) == 1 then return -1 end
return redis.call('UNLINK', unpack(KEYS, 2))
"""
"""The first key is the manifest: a version that has come back to life keeps its records."""


class VersionRecords(Protocol):
    """Writes, counts and removes."""

    async def client_id(self) -> str:
        """Return what the server calls the connection of the work; empty if it cannot say whether that one lives."""
        ...

    async def write(self, version: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Keep the records of a version."""
        ...

    async def count(self, version: str, users: Sequence[str]) -> int:
        """Return how many of `users` have a record: what an eviction or another program took is not counted."""
        ...

    async def remove(self, versions: Collection[str], known: Collection[str], go_on: Callable[[], Any]) -> None:
        """Remove every record of `versions`, and of versions that are not even `known`; ask `go_on` now and then."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class NodeRecords:
    """`VersionRecords` of a single node."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._turn = anyio.Lock()

    async def client_id(self) -> str:
        """Connect if need be, and return the server's number of the connection."""
        await self._in_thread(self._bulk.connect)
        return self._bulk.client_id

    async def write(self, version: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Build the commands in the thread that sends them."""
        prefix = keys.candidates(version, "").encode()
        for start in range(0, len(records), SLICE):
            part = records[start : start + SLICE]
            commands = (set_many(prefix, some) for some in _portions(part))
            await self._in_thread(functools.partial(self._bulk.run, commands))

    async def count(self, version: str, users: Sequence[str]) -> int:
        """Ask for each key."""
        found = 0
        for start in range(0, len(users), SLICE):
            names = [keys.candidates(version, user) for user in users[start : start + SLICE]]
            commands = (command("EXISTS", *names[at : at + NAMES]) for at in range(0, len(names), NAMES))
            found += sum(await self._in_thread(functools.partial(self._bulk.run, commands)))
        return found

    async def remove(self, versions: Collection[str], known: Collection[str], go_on: Callable[[], Any]) -> None:
        """Walk over all candidates, since nobody remembers who the users were."""
        walk = _Walk(self._bulk, doomed=set(versions), spared=set(known) - set(versions))
        while await self._in_thread(walk.go_on):
            await go_on()

    def close(self) -> None:
        """Let go of the connections."""
        self._bulk.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        async with self._turn:
            return await anyio.to_thread.run_sync(work)


class _Walk:
    """One walk over all candidates, which removes those of some versions."""

    def __init__(self, bulk: Bulk, *, doomed: set[str], spared: set[str]) -> None:
        self._bulk = bulk
        self._doomed = doomed
        self._spared = spared
        self._cursor = b"0"
        self._found: Sequence[bytes] = ()

    def go_on(self) -> bool:
        """Walk for a while; say whether there is more. Each step removes what the one before it found."""
        until = time.monotonic() + WALK_SECONDS
        while time.monotonic() < until:
            began = time.monotonic()
            look = command("SCAN", self._cursor, "MATCH", f"{keys.CANDIDATES}*", "COUNT", SCAN_KEYS)
            *_, (self._cursor, self._found) = self._bulk.run([*self._removals(), look])
            if self._cursor == b"0":
                self._bulk.run(self._removals())
                return False
            # Nobody waits for this: half of the time is left to those who do.
            time.sleep(time.monotonic() - began)
        return True

    def _removals(self) -> Iterator[bytes]:
        by_version: dict[str, list[bytes]] = {}
        for key in self._found:
            version = keys.version_of(key.decode())
            if version in self._doomed or version not in self._spared:
                by_version.setdefault(version, []).append(key)
        for version, found in by_version.items():
            for start in range(0, len(found), DOOMED):
                some = found[start : start + DOOMED]
                yield command("EVAL", _UNLINK, 1 + len(some), keys.manifest(version), *some)


class ClusterRecords:
    """`VersionRecords` of a cluster."""

    def __init__(self, connection: RedisConnection) -> None:
        self._redis = connection

    async def client_id(self) -> str:
        """Return nothing: each node has its own numbers."""
        return ""

    async def write(self, version: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Set one key per command."""
        await self._each([("SET", keys.candidates(version, user), record) for user, record in records])

    async def count(self, version: str, users: Sequence[str]) -> int:
        """Ask for each key."""
        return sum(await self._each([("EXISTS", keys.candidates(version, user)) for user in users]))

    async def remove(self, versions: Collection[str], known: Collection[str], go_on: Callable[[], Any]) -> None:
        """Look before each batch whether its versions are still to go: no script reaches manifest and records here."""
        doomed, spared = set(versions), set(known) - set(versions)

        async def visit(found: list[str]) -> None:
            of = {key: keys.version_of(key) for key in found}
            names = sorted({name for name in of.values() if name in doomed or name not in spared})
            alive = await self._redis.commands([("EXISTS", keys.manifest(name)) for name in names])
            gone = {name for name, exists in zip(names, alive, strict=True) if not exists}
            await self._each([("UNLINK", key) for key, name in of.items() if name in gone])
            await go_on()

        await self._redis.scan(keys.CANDIDATES, visit)

    def close(self) -> None:
        """Return: there are no connections of our own."""

    async def _each(self, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        for start in range(0, len(commands), CLUSTER_BATCH):
            began = time.monotonic()
            replies += await self._redis.commands(commands[start : start + CLUSTER_BATCH])
            await anyio.sleep(time.monotonic() - began)
        return replies


def _portions(records: Sequence[tuple[str, bytes]]) -> Iterator[Sequence[tuple[str, bytes]]]:
    """Yield parts of a bounded number of records and bytes."""
    start = size = 0
    for at, (_, value) in enumerate(records):
        if at > start and (at - start >= RECORDS or size + len(value) > BYTES):
            yield records[start:at]
            start, size = at, 0
        size += len(value)
    if start < len(records):
        yield records[start:]
