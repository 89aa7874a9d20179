"""Visitors' events since the last training in Redis: a capped, expiring list for each, the latest to arrive first.

What a visitor bought or put into the cart must outlast an afternoon of clicking, and what they refused or complained
about the largest order, so a list has three caps: one for what begins with `LASTING`, one for what begins with
`STANDING`, one for the rest.

A guest who signs in becomes a user: that is noted first, and then their events move. Whoever adds to a guest's list
looks for the note afterwards. So whichever of the two comes first, the events end with the user; and moving the same
ones twice adds nothing. No command touches two keys, which may live on different nodes of a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from serving.stores import keys
from serving.stores.connection import Command, RedisConnection
from serving.visitors import GUEST, anonymous_id_of

LASTING = b" "
"""Begins what is kept however much a visitor clicks. To JSON it is nothing."""

STANDING = b"\t"
"""Begins what is kept however much a visitor buys. To JSON it is nothing either."""

LASTING_SHARE = 3
"""How many times as many of either are kept: a large order is put into the cart, and bought."""

BATCH = 500
"""Commands per round trip: well under a millisecond of the server's time."""

_CAP = """
local all = redis.call('LRANGE', KEYS[1], 0, -1)
local kept, others = {}, tonumber(ARGV[1])
local room = {[32] = tonumber(ARGV[3]), [9] = tonumber(ARGV[3])}
for _, event in ipairs(all) do
  local mark = string.byte(event)
  if room[mark] then
    room[mark] = room[mark] - 1
    if room[mark] >= 0 then kept[#kept + 1] = event end
  else
    others = others - 1
    if others >= 0 then kept[#kept + 1] = event end
  end
end
if #kept < #all then
  redis.call('DEL', KEYS[1])
  redis.call('RPUSH', KEYS[1], unpack(kept))
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 1
"""

_ADD_MISSING = """
local known = {}
for _, event in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do known[event] = true end
for i = 2, #ARGV do
  if not known[ARGV[i]] then redis.call('LPUSH', KEYS[1], ARGV[i]) end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return redis.call('LLEN', KEYS[1])
"""


class FreshLists:
    """The lists of all visitors.

    Parameters
    ----------
    connection
        Where they are.
    most
        How many events that do not last a list holds.
    user_seconds, guest_seconds
        After which a list that nothing was added to is forgotten.
    """

    def __init__(self, connection: RedisConnection, *, most: int, user_seconds: int, guest_seconds: int) -> None:
        self._redis = connection
        self._most = most
        self._user_seconds = user_seconds
        self._guest_seconds = guest_seconds

    async def add(self, fresh: Mapping[str, Sequence[bytes]], *, again: bool = False) -> None:
        """Add events (oldest first) to the lists of their visitors; with `again`, those that are not there yet."""
        named = [(name, events) for name, events in fresh.items() if events]
        for start in range(0, len(named), BATCH):
            await self._add(named[start : start + BATCH], again=again)

    @staticmethod
    def longest(most: int) -> int:
        """Return how many events a list holds at most."""
        return (1 + 2 * LASTING_SHARE) * most

    async def merge(self, anonymous_id: str, user_id: str) -> int:
        """Note that a guest is this user, and move their events; return how many."""
        await self._redis.command("SET", keys.merged(anonymous_id), user_id, "EX", self._user_seconds)
        return await self._move(GUEST + anonymous_id, user_id)

    async def merged(self, anonymous_id: str) -> str | None:
        """Return the user that a guest turned out to be."""
        found: bytes | None = await self._redis.command("GET", keys.merged(anonymous_id))
        return None if found is None else found.decode()

    async def _add(self, named: Sequence[tuple[str, Sequence[bytes]]], *, again: bool) -> None:
        replies = iter(await self._redis.commands(list(self._pushes(named, again=again))))
        long: list[str] = []
        merged: list[tuple[str, str]] = []
        for name, _ in named:
            length = next(replies)
            next(replies)
            if length > self._most:
                long.append(name)
            if name.startswith(GUEST) and (user_id := next(replies)) is not None:
                merged.append((name, user_id.decode()))
        for name, user_id in merged:
            await self._move(name, user_id)
        await self._redis.commands([self._cap(name) for name in long])

    def _pushes(self, named: Sequence[tuple[str, Sequence[bytes]]], *, again: bool) -> Iterator[Command]:
        for name, events in named:
            key, seconds = keys.fresh(name), self._seconds(name)
            yield ("EVAL", _ADD_MISSING, 1, key, seconds, *events) if again else ("LPUSH", key, *events)
            yield "EXPIRE", key, seconds
            if (anonymous_id := anonymous_id_of(name)) is not None:
                yield "GETEX", keys.merged(anonymous_id), "EX", self._user_seconds

    async def _move(self, guest: str, user_id: str) -> int:
        """Copy, then remove what was copied: nothing is lost in between. An erased user gets nothing."""
        events = await self._redis.command("LRANGE", keys.fresh(guest), 0, -1)
        if not events:
            return 0
        if not await self._redis.command("SISMEMBER", keys.ERASED, user_id):
            args = [self._seconds(user_id), *reversed(events)]
            length = await self._redis.script(_ADD_MISSING, [keys.fresh(user_id)], args)
            if length > self._most:
                await self._redis.commands([self._cap(user_id)])
        await self._redis.commands([("LREM", keys.fresh(guest), 0, event) for event in events])
        return len(events)

    def _cap(self, name: str) -> Command:
        return "EVAL", _CAP, 1, keys.fresh(name), self._most, self._seconds(name), LASTING_SHARE * self._most

    def _seconds(self, name: str) -> int:
        return self._guest_seconds if name.startswith(GUEST) else self._user_seconds
