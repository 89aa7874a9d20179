"""What leaves a shelf together with an item that somebody refused: sent back, rated badly, or "not for me".

One refusal says little about a whole aisle: who returns a bottle of sour milk still eats cheese. So what leaves is
bounded: the item itself, what bears its title (a shopper cannot tell it apart), and at most `NEAREST` of the items that
the same people buy, if they are of its category and nearly as close as the closest. What the person buys themselves
stays, however near it is, unless it bears that title.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from recommender.neighbours import Neighbours
from recommender.twins import Twins

NEAREST = 3
"""Neighbours that leave with a refused item: the size of a glance, far below that of a category."""

CLOSE = 0.5
"""A neighbour is close if its weight is at least this share of the nearest one's."""

MAX_REMEMBERED = 10_000
"""Items of which it is kept what is near them."""

Indices = npt.NDArray[np.int32]


class Refusals:
    """Knows the company of every item. Safe to share between threads.

    Parameters
    ----------
    similar
        What the same people buy.
    category
        (n_items,) the category of each item, negative where it is unknown.
    twins
        Which items bear the same title.
    """

    def __init__(self, similar: Neighbours, category: Indices, twins: Twins) -> None:
        self._similar, self._category, self._twins = similar, category, twins
        self._known: dict[int, Indices] = {}

    def leaving(self, refused: Iterable[int], *, owned: Indices) -> frozenset[int]:
        """Return what bears the titles of the `refused`, and what is near them, less what of this is `owned` (j,)."""
        alike = self._twins.with_twins(refused := list(refused))
        near = {item for one in refused for item in self._near(one).tolist()}
        return alike | (near - set(owned.tolist()))

    def _near(self, item: int) -> Indices:
        found = self._known.get(item)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            found = self._known[item] = self._nearest(item)
        return found

    def _nearest(self, item: int) -> Indices:
        near = self._similar.of(item)
        if not len(near.item):
            return near.item
        close = near.score >= CLOSE * near.score[0]
        if self._category[item] >= 0:
            close &= self._category[near.item] == self._category[item]
        nearest: Indices = near.item[close][:NEAREST]
        return nearest
