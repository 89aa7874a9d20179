"""What one process has ready of one version: its engine, and the lists that are the same for everybody.

A list for a product page, or of what is popular, is computed when it is first asked for and kept as a record like
those of users. What everybody gets when nothing better can be had is there from the start.
"""

from __future__ import annotations

import numpy as np
import orjson

from recommender.engine import Engine
from recommender.purpose import STORED
from recommender.request import SlateRequest
from recommender.slate import Placement
from serving.live_catalogue import LiveCatalogue
from serving.questions import EVERYBODY
from serving.shelves.cutter import Cutter
from serving.stores.packed import pack

DEPTH = 60
"""Candidates of a list for everybody."""
MAX_OFFERS = 20_000
"""Lists kept: some 10 MB; beyond, all are computed anew as they are asked for."""


class Ready:
    """An engine with a cutter, and lists for everybody. Built in a thread, read in the event loop."""

    def __init__(self, engine: Engine, catalogue: LiveCatalogue, *, currency: str) -> None:
        self.engine = engine
        self.version = orjson.dumps(engine.version)
        """The version's name as JSON."""
        self.cutter = Cutter(engine, catalogue, currency=currency)
        self._offers: dict[tuple[Placement, int | None], bytes] = {}
        for placement in EVERYBODY:
            self.prepare(placement, None)

    def offer(self, placement: Placement, item: int | None) -> bytes | None:
        """Return what a placement offers beside an item, if it is prepared; an unknown item is like none."""
        return self._offers.get((placement, item))

    def prepare(self, placement: Placement, item: int | None) -> bytes:
        """Compute what a placement offers beside an item, and keep it."""
        request = SlateRequest(placement=placement, context=() if item is None else (item,))
        now = self.engine.model.as_of.astype("datetime64[s]")
        arranged = self.engine.offer(request, now=np.datetime64(now), k=DEPTH)
        record = pack({STORED[0]: arranged}, self.cutter.numbering)
        if len(self._offers) >= MAX_OFFERS:
            self._offers = {key: kept for key, kept in self._offers.items() if key[1] is None}
        self._offers[placement, item] = record
        return record
