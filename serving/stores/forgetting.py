"""What a store still knows of somebody who was erased: the guests they were, and what its files keep of the past.

`SlateStore.erase` takes away what is found by a user's own id. Which guests they were is noted the other way round, by
guest, so every note is looked at: that takes a moment in a large store, and is done by a command, not by a request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from dataclasses import dataclass

from recommender.errors import StoreUnavailable
from serving.stores import keys
from serving.stores.connection import RedisConnection
from serving.visitors import GUEST

POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Known:
    """How much a store knows of some users."""

    candidates: int
    """Records, over all versions."""
    fresh: int
    """Events since training, of guests included."""
    choices: int


class RedisForgetting:
    """Looks for people in Redis, and forgets who they were as guests."""

    def __init__(self, connection: RedisConnection) -> None:
        self._redis = connection

    async def known(self, users: Collection[str], versions: Collection[str], guests: Collection[str]) -> Known:
        """Count what is known of `users` and of the `guests` they were.

        Raises
        ------
        StoreUnavailable
            If the store is away.
        """
        names = [*users, *(GUEST + guest for guest in guests)]
        candidates = [("EXISTS", keys.candidates(version, user)) for version in versions for user in users]
        fresh = await self._redis.commands([("LLEN", keys.fresh(name)) for name in names])
        choices = await self._redis.commands([("HEXISTS", keys.CHOICES, user) for user in users])
        return Known(sum(await self._redis.commands(candidates)), sum(fresh), sum(choices))

    async def guests_of(self, users: Collection[str]) -> dict[str, str]:
        """Return the guests who are one of `users` now, with who they are.

        Raises
        ------
        StoreUnavailable
            If the store is away.
        """
        prefix, wanted, found = keys.merged(""), {user.encode() for user in users}, dict[str, str]()

        async def visit(names: list[str]) -> None:
            said = await self._redis.commands([("GET", name) for name in names])
            for name, user in zip(names, said, strict=True):
                if user in wanted:
                    found[name.removeprefix(prefix)] = user.decode()

        await self._redis.scan(prefix, visit)
        return found

    async def forget_guests(self, users: Collection[str], guests: Collection[str]) -> int:
        """Remove the notes that guests are one of `users`, and what those guests did; return how many keys went.

        Raises
        ------
        StoreUnavailable
            If the store is away.
        """
        gone = 0
        for guest in guests:
            user: bytes | None = await self._redis.command("GET", keys.merged(guest))
            # Somebody else may have signed in there since: then the guest is theirs.
            if user is None or user.decode() in users:
                doomed = [("DEL", key) for key in (keys.merged(guest), keys.fresh(GUEST + guest))]
                gone += sum(await self._redis.commands(doomed))
        return gone

    async def compact(self, *, seconds: float) -> bool:
        """Let the store write its append-only file anew, without the past; say whether that is done.

        A store that does not let us, or keeps no such file, says so by False.
        """
        try:
            if not await self._keeps_file():
                return False
            with contextlib.suppress(StoreUnavailable):  # one may be under way already
                await self._redis.command("BGREWRITEAOF")
            async with asyncio.timeout(seconds):
                while await self._is_rewriting():
                    await asyncio.sleep(POLL_SECONDS)
        except (StoreUnavailable, TimeoutError):
            return False
        return True

    async def _keeps_file(self) -> bool:
        return bool(int((await self._persistence()).get("aof_enabled", 0)))

    async def _is_rewriting(self) -> bool:
        said = await self._persistence()
        return any(int(said.get(name, 0)) for name in ("aof_rewrite_in_progress", "aof_rewrite_scheduled"))

    async def _persistence(self) -> dict[str, int | str]:
        said = await self._redis.command("INFO", "persistence")
        return said if isinstance(said, dict) and "aof_enabled" in said else {}
