"""Who wants no personal picks, in Redis: all choices in one hash, and a mark on the list that page views read anyway.

A choice is the moment it was made, in milliseconds since 1970, negative for "off" (see `serving.opt_outs`); an earlier
one never replaces a later one. The mark stands among the user's fresh events, where it outlasts clicks and orders, and
is no event: whoever reads the list and does not know of the mark leaves it out. It may expire with the list, since by
then every process has read the hash.
"""

from __future__ import annotations

from collections.abc import Mapping

from serving.stores import keys
from serving.stores.connection import RedisConnection
from serving.stores.fresh_lists import STANDING

OPTED_OUT = STANDING + b"opted out"
"""The mark."""

_NOTE = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and math.abs(tonumber(known)) >= math.abs(tonumber(ARGV[2])) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('INCR', KEYS[2])
return 1
"""


class RedisChoices:
    """The choices of all users."""

    def __init__(self, connection: RedisConnection, *, mark_seconds: int) -> None:
        self._redis = connection
        self._mark_seconds = mark_seconds

    async def choose(self, choices: Mapping[str, int]) -> None:
        """Note choices, unless later ones are known, and mark the lists of their users or take the mark away."""
        for user_id, choice in choices.items():
            names = [keys.CHOICES, keys.CHOICES_REVISION]
            if await self._redis.script(_NOTE, names, [user_id, choice]):
                await self._mark(user_id, is_off=choice < 0)

    async def changes(self, since: int | None) -> tuple[int, Mapping[str, int] | None]:
        """Return the revision, and every choice unless the revision is still `since`."""
        revision = int(await self._redis.command("GET", keys.CHOICES_REVISION) or 0)
        if revision == since:
            return revision, None
        flat = await self._redis.command("HGETALL", keys.CHOICES)
        pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
        return revision, {user_id.decode(): int(choice) for user_id, choice in pairs}

    async def forget(self, user_id: str) -> None:
        """Remove what a user chose."""
        await self._redis.command("HDEL", keys.CHOICES, user_id)

    async def _mark(self, user_id: str, *, is_off: bool) -> None:
        key = keys.fresh(user_id)
        await self._redis.command("LREM", key, 0, OPTED_OUT)
        if is_off:
            await self._redis.commands([("LPUSH", key, OPTED_OUT), ("EXPIRE", key, self._mark_seconds)])
