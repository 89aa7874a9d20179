"""What leaves a shelf together with an item that somebody refused: sent back, rated badly, or "not for me".

One refusal says little about a whole aisle: who returns a bottle of sour milk still eats cheese. So what leaves is
bounded: the item itself, what bears its title (a shopper cannot tell it apart), and at most `NEAREST` of the items that
the same people buy, if they are of its category and nearly as close as the closest. What the person buys themselves
stays, however near it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from recommender.neighbours import Neighbours

NEAREST = 3
"""Neighbours that leave with a refused item: the size of a glance, far below that of a category."""

CLOSE = 0.5
"""A neighbour is close if its weight is at least this share of the nearest one's."""

MAX_REMEMBERED = 10_000
"""Items whose company is kept."""

Indices = npt.NDArray[np.int32]


class Refusals:
    """Knows the company of every item. Safe to share between threads.

    Parameters
    ----------
    similar
        What the same people buy.
    category
        (n_items,) the category of each item, negative where it is unknown.
    twin
        (n_items,) equal for items that bear the same title.
    """

    def __init__(self, similar: Neighbours, category: Indices, twin: Indices) -> None:
        self._similar, self._category, self._twin = similar, category, twin
        self._known: dict[int, Indices] = {}

    def leaving(self, refused: Iterable[int], *, owned: Indices) -> frozenset[int]:
        """Return the `refused` items and their company, less what of the company is among `owned` (j,)."""
        own = frozenset(refused)
        company = {item for one in own for item in self._company(one).tolist()}
        return own | (company - set(owned.tolist()))

    def _company(self, item: int) -> Indices:
        found = self._known.get(item)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            twins = np.flatnonzero(self._twin == self._twin[item])
            found = self._known[item] = np.union1d(twins, self._near(item)).astype(np.int32)
        return found

    def _near(self, item: int) -> Indices:
        near = self._similar.of(item)
        if not len(near.item):
            return near.item
        close = near.score >= CLOSE * near.score[0]
        if self._category[item] >= 0:
            close &= self._category[near.item] == self._category[item]
        nearest: Indices = near.item[close][:NEAREST]
        return nearest
