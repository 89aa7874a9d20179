"""What a model cannot know: what is in stock now, and who asked to be forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from recommender.model import Model
from recommender.rules import Shelf
from serving.erasures import Erasures
from serving.live_catalogue import LiveCatalogue
from serving.settings import AppSettings
from serving.stores.redis import RedisStores

TIMEOUT_SECONDS = 10.0
"""Nobody waits for a page here, and a store that is busy for a moment should not stop a campaign."""


@dataclass(frozen=True, slots=True, eq=False)
class Present:
    """The state of the shop at one moment."""

    shelf: Shelf
    erased: Erasures
    """Answers ``user_id in erased``."""


def look(settings: AppSettings, model: Model) -> Present:
    """Ask the store that ``settings.redis.url`` names.

    Raises
    ------
    StoreUnavailable
        If it does not answer: a mail to somebody erased cannot be taken back, so nothing is assumed.
    """
    return asyncio.run(_look(settings, model))


async def _look(settings: AppSettings, model: Model) -> Present:
    assert settings.redis.url is not None
    stores = RedisStores.connect(settings.redis.url, settings, timeout_seconds=TIMEOUT_SECONDS)
    try:
        erased = Erasures(settings.data_dir, stores.slates)
        erased.load()
        await erased.refresh()
        live = LiveCatalogue(stores.items)
        await live.refresh()
        return Present(shelf=live.shelf(model), erased=erased)
    finally:
        await stores.close()
