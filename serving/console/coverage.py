"""How much of the catalogue is offered: the first places of what is stored for a sample of users."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.engine import Engine
from recommender.errors import InvalidInput, StoreUnavailable
from recommender.purpose import Purpose
from serving.shelves.ready import Ready
from serving.stores import SlateStore
from serving.stores.packed import unpack

SAMPLE = 500
PLACES = 10
BATCH = 50
"""Users read in one round trip."""
KEEP_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a sample of users is offered on their home shelf."""

    users: int
    """Of the sample, those with stored candidates."""
    items: int
    """Different items in their first places."""
    catalogue: int
    busiest: float
    """Share of those users who are offered the item that is offered most."""

    @property
    def share(self) -> float:
        """Of the catalogue."""
        return self.items / self.catalogue if self.catalogue else 0.0


def sample_of(engine: Engine) -> list[str]:
    """Return users at equal distances: the same ones each time."""
    ids = engine.model.users.ids
    return [ids[at] for at in np.unique(np.linspace(0, len(ids) - 1, min(SAMPLE, len(ids))).astype(int)).tolist()]


async def stored_records(store: SlateStore, engine: Engine) -> list[bytes] | None:
    """Return what is stored for the sample; None while the store is away."""
    users, found = sample_of(engine), []
    try:
        for start in range(0, len(users), BATCH):
            reads = (store.read_user(user, version=engine.version) for user in users[start : start + BATCH])
            found += await asyncio.gather(*reads)
    except StoreUnavailable:
        return None
    return [record.candidates for record in found if record.candidates is not None and not record.erased]


def coverage_of(ready: Ready, records: Sequence[bytes]) -> Coverage:
    """Count the items in the first places. Takes milliseconds: runs in a thread."""
    offers = np.zeros(len(ready.engine.model.items), dtype=np.int64)
    n = 0
    for record in records:
        try:
            items = unpack(record, Purpose.ALL, ready.cutter.numbering).candidates.item[:PLACES]
        except InvalidInput:
            continue
        offers[items] += 1
        n += 1
    busiest = int(offers.max(initial=0)) / n if n else 0.0
    return Coverage(users=n, items=int((offers > 0).sum()), catalogue=len(offers), busiest=busiest)
