"""What a model cannot know: what is in stock now, who asked to be forgotten, and what people did since training."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recommender.engine import Engine
from recommender.rules import Shelf
from serving.erasures import Erasures
from serving.events.fresh import FreshEvents, decode
from serving.live_catalogue import LiveCatalogue
from serving.settings import AppSettings
from serving.stores import SlateStore
from serving.stores.redis import RedisStores

BATCH = 500
"""Users read at a time."""
TIMEOUT_SECONDS = 10.0
"""Nobody waits for a page here, and a store that is busy for a moment should not stop a campaign."""


@dataclass(frozen=True, slots=True, eq=False)
class Present:
    """The state of the shop at one moment."""

    shelf: Shelf
    erased: Erasures
    """Answers ``user_id in erased``."""
    fresh: Mapping[str, FreshEvents]
    """What some users did since training; nothing for those who are not here."""


def look(settings: AppSettings, engine: Engine, users: Sequence[str]) -> Present:
    """Ask the store that ``settings.redis.url`` names.

    Raises
    ------
    StoreUnavailable
        If it does not answer: a mail to somebody erased cannot be taken back, so nothing is assumed.
    """
    return asyncio.run(_look(settings, engine, users))


async def _look(settings: AppSettings, engine: Engine, users: Sequence[str]) -> Present:
    assert settings.redis.url is not None
    stores = RedisStores.connect(settings.redis.url, settings, timeout_seconds=TIMEOUT_SECONDS)
    try:
        erased = Erasures(settings.data_dir, stores.slates)
        erased.load()
        await erased.refresh()
        live = LiveCatalogue(stores.items)
        await live.refresh()
        fresh = await _fresh(stores.slates, engine, users)
        return Present(shelf=live.shelf(engine.model), erased=erased, fresh=fresh)
    finally:
        await stores.close()


async def _fresh(slates: SlateStore, engine: Engine, users: Sequence[str]) -> dict[str, FreshEvents]:
    found: dict[str, FreshEvents] = {}
    for start in range(0, len(users), BATCH):
        batch = users[start : start + BATCH]
        records = await asyncio.gather(*(slates.read_user(user, version=None) for user in batch))
        for user, record in zip(batch, records, strict=True):
            if record.fresh:
                found[user] = decode(record.fresh, engine, user)
    return found
