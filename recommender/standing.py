"""An order of all items that is found once: as a whole, and within each category.

Whoever asks for the best of some categories reads the head of each; nobody sorts a catalogue for a request.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.ranking import Ranked, best_of

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.integer[Any]]


class Standing:
    """Items by a score that does not change, ties by ascending item index. Immutable.

    Parameters
    ----------
    score
        (n_items,) float32, finite.
    category
        (n_items,) the category of each item, in [0, n_categories).
    n_categories
        How many there are.
    """

    def __init__(self, score: Floats, category: Indices, n_categories: int) -> None:
        self.score = score
        self._category = category
        self._by_category = np.lexsort((-score, category)).astype(np.int32)
        self._start = category[self._by_category].searchsorted(np.arange(n_categories + 1))

    @functools.cached_property
    def order(self) -> npt.NDArray[np.int32]:
        """(n_items,) all items, the best first."""
        return np.argsort(-self.score, kind="stable").astype(np.int32)

    def best(self, k: int) -> Ranked:
        """Return the `k` best of all."""
        item = self.order[:k]
        return Ranked(item, self.score[item])

    def best_in(self, category: Indices, k: int) -> Ranked:
        """Return the `k` best of some categories, each named once."""
        item = self.heads(category, np.full(len(category), k))
        return best_of(item, self.score[item], k)

    def heads(self, category: Indices, depth: Indices) -> npt.NDArray[np.int32]:
        """Return the first `depth` (c,) items of each `category` (c,), end to end."""
        start = self._start[category]
        size = np.minimum(self._start[category + 1] - start, depth)
        place = np.arange(size.sum()) + np.repeat(start - np.cumsum(size) + size, size)
        return self._by_category[place]

    def best_outside(self, category: npt.NDArray[np.bool_], k: int) -> npt.NDArray[np.int32]:
        """Return the `k` best items that are in none of the categories of a mask (n_categories,), best first."""
        n, asked = len(self.order), 2 * k
        while True:
            item = self.order[:asked]
            item = item[~category[self._category[item]]]
            if len(item) >= k or asked >= n:
                return item[:k]
            asked *= 4
