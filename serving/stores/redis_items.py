"""Catalogue and stock updates in Redis: a hash per item, and which revision changed it last.

A price and a stock change sent by two machines at once both stay: attributes are fields of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.stores import keys
from serving.stores.connection import RedisConnection

BATCH = 500
"""Items per script: it blocks the server for well under a millisecond."""

_PUT = """
local revision = redis.call('INCR', KEYS[1])
local at = 1
for item = 3, #KEYS do
  local id, fields = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, fields do
    redis.call('HSET', KEYS[item], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  redis.call('ZADD', KEYS[2], revision, id)
end
return revision
"""


class RedisItems:
    """`ItemStore` over Redis."""

    def __init__(self, connection: RedisConnection) -> None:
        self._redis = connection

    async def put(self, patches: Mapping[str, Mapping[str, bytes]]) -> int:
        """Apply patches, a batch per script."""
        revision = 0
        ids = list(patches)
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            args: list[Any] = []
            for item_id in batch:
                patch = patches[item_id]
                args += [item_id, len(patch), *(part for pair in patch.items() for part in pair)]
            names = [keys.ITEMS_REVISION, keys.ITEMS_CHANGES, *map(keys.item, batch)]
            revision = await self._redis.script(_PUT, names, args)
        return revision

    async def changes(self, since: int) -> tuple[int, Mapping[str, Mapping[str, bytes]]]:
        """Read the revision first: what changes meanwhile is read again next time, never missed."""
        revision = int(await self._redis.command("GET", keys.ITEMS_REVISION) or 0)
        if revision == since:
            return revision, {}
        low = f"({since}" if revision > since else "-inf"
        ids = [found.decode() for found in await self._redis.command("ZRANGEBYSCORE", keys.ITEMS_CHANGES, low, "+inf")]
        changed: dict[str, Mapping[str, bytes]] = {}
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            hashes = await self._redis.commands([("HGETALL", keys.item(item_id)) for item_id in batch])
            changed |= {item_id: _attributes(found) for item_id, found in zip(batch, hashes, strict=True)}
        return revision, changed


def _attributes(found: Mapping[bytes, bytes]) -> Mapping[str, bytes]:
    return {name.decode(): value for name, value in found.items()}
