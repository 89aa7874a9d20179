"""What a model cannot know: what is in stock now, who asked to be forgotten, and what people did since training.

Users are read from the store some thousand at a time, the next ones while the last ones are worked on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from anyio.from_thread import BlockingPortal, start_blocking_portal

from recommender.catalogue import Item
from recommender.engine import Engine
from recommender.rules import Shelf
from serving.erasures import Erasures
from serving.live_catalogue import LiveCatalogue
from serving.opt_outs import OptOuts
from serving.settings import AppSettings
from serving.stores import SlateStore, UserRecord
from serving.stores.redis import RedisStores
from serving.undisturbed import undisturbed

BATCH = 500
"""Users asked for at once: more would only wait for each other."""
TIMEOUT_SECONDS = 10.0
"""Nobody waits for a page here, and a store that is busy for a moment should not stop a campaign."""

Batches = Iterable[Sequence[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Present:
    """The state of the shop at one moment."""

    shelf: Shelf
    item: Callable[[int], Item]
    """An item as it is described and priced now."""
    erased: Container[str]
    """Answers ``user_id in erased``."""
    opted_out: Container[str]
    """Who wants nothing chosen by their past."""
    reads: Callable[[Batches], Iterator[Sequence[UserRecord]]]
    """Returns what the store knows of users, batch by batch."""


def unvisited(
    engine: Engine, *, shelf: Shelf | None = None, erased: Container[str] = (), opted_out: Container[str] = ()
) -> Present:
    """Return a shop in which nothing happened since training, and whose store is empty."""
    model = engine.model
    shelf = shelf or Shelf(np.ones(len(model.items), np.bool_), np.array(model.catalogue.price, np.float64))

    def item(index: int) -> Item:
        return model.catalogue.item(index, item_id=model.items.ids[index])

    def reads(batches: Batches) -> Iterator[Sequence[UserRecord]]:
        for batch in batches:
            yield [UserRecord()] * len(batch)

    return Present(shelf=shelf, item=item, erased=erased, opted_out=opted_out, reads=reads)


@contextmanager
def looking(settings: AppSettings, engine: Engine) -> Iterator[Present]:
    """Ask the store that ``settings.redis.url`` names, for as long as the block lasts.

    Raises
    ------
    StoreUnavailable
        If it does not answer: a mail to somebody erased cannot be taken back, so nothing is assumed.
    """
    with ExitStack() as stack:
        with undisturbed():
            portal = stack.enter_context(start_blocking_portal())
        stores = portal.call(_connect, settings)
        try:
            erased = Erasures(settings.data_dir, stores.slates)
            erased.load()
            portal.call(erased.refresh)
            opt_outs = OptOuts(settings.data_dir, stores.slates, erased)
            opt_outs.load()
            portal.call(opt_outs.refresh)
            live = LiveCatalogue(stores.items)
            portal.call(live.refresh)
            shelf, model = live.shelf(engine.model), engine.model
            yield Present(
                shelf=shelf,
                item=lambda index: live.item(model.items.ids[index], model).item,
                erased=erased,
                opted_out=opt_outs,
                reads=lambda batches: _ahead(portal, stores.slates, engine.version, batches),
            )
        finally:
            portal.call(stores.close)


async def _connect(settings: AppSettings) -> RedisStores:
    assert settings.redis.url is not None
    return RedisStores.connect(settings.redis.url, settings, timeout_seconds=TIMEOUT_SECONDS)


def _ahead(
    portal: BlockingPortal, slates: SlateStore, version: str, batches: Batches
) -> Iterator[Sequence[UserRecord]]:
    """Yield the records of each batch; the next one is read meanwhile."""
    waiting = None
    for batch in batches:
        asked = portal.start_task_soon(_read, slates, version, batch)
        if waiting is not None:
            yield waiting.result()
        waiting = asked
    if waiting is not None:
        yield waiting.result()


async def _read(slates: SlateStore, version: str, users: Sequence[str]) -> list[UserRecord]:
    found: list[UserRecord] = []
    for start in range(0, len(users), BATCH):
        found += await asyncio.gather(
            *(slates.read_user(user, version=version) for user in users[start : start + BATCH])
        )
    return found
