"""A user's lists, ranked, arranged and packed: what publishing writes for everybody."""

from __future__ import annotations

import numpy as np

from recommender.arrangement import Arranged
from recommender.engine import Engine
from recommender.purpose import STORED, Purpose
from serving.stores.packed import Numbering, pack

DEPTHS = {Purpose.ALL: 100, Purpose.NEW: 40}
"""Candidates kept: the longest shelf, and several times what a shelf of new items shows."""


class Recorder:
    """Makes the records of one engine's users."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._numbering = Numbering(engine.model)

    def record(self, user_id: str, *, now: np.datetime64) -> bytes:
        """Return the record of a user the model knows."""
        history = self._engine.history(user_id)
        assert history is not None, "only users of the model have records"
        found = self._engine.prepared(history, STORED, now=now, k=max(DEPTHS.values()))
        return pack({purpose: cut(arranged, DEPTHS[purpose]) for purpose, arranged in found.items()}, self._numbering)


def cut(arranged: Arranged, depth: int) -> Arranged:
    """Return the first `depth` candidates."""
    return Arranged(arranged.candidates.select(slice(depth)), min(arranged.front, depth), arranged.due[:depth])
