"""An order of all items that is found once: as a whole, and within each category.

Whoever asks for the best of some categories reads the head of each; nobody sorts a catalogue for a request. It is found
when it is first asked for, or by `prepare`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.ranking import Ranked, best_of

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.integer[Any]]

_LEAST = np.finfo(np.float32).tiny
"""Zero is no good score, wherever it stands."""


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """The best items of several categories, end to end."""

    entry: npt.NDArray[np.int32]
    size: npt.NDArray[np.int64]
    """(c,) how many there are of each."""
    end: npt.NDArray[np.int64]
    """(c,) where each ends."""


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
        self._category, self._n_categories = category, n_categories

    @functools.cached_property
    def order(self) -> npt.NDArray[np.int32]:
        """(n_items,) all items, the best first."""
        return np.argsort(-self.score, kind="stable").astype(np.int32)

    @functools.cached_property
    def _by_category(self) -> npt.NDArray[np.int32]:
        """(n_items,) all items by category, the best of each first."""
        order = self.order
        return order[np.argsort(self._category[order], kind="stable")]

    @functools.cached_property
    def _start(self) -> npt.NDArray[np.int64]:
        """(n_categories + 1,) where each category begins there."""
        sizes = np.bincount(self._category, minlength=self._n_categories)
        return np.concatenate([[0], np.cumsum(sizes)])

    def prepare(self) -> Standing:
        """Find the orders now rather than when they are first asked for, and return the same."""
        _ = self._by_category, self._start
        return self

    def is_high(self, item: Indices, k: int) -> npt.NDArray[np.bool_]:
        """Say of each `item` (m,) whether it is among the `k` best of all; never who scores nothing, ties are in."""
        last = self.order[min(k, len(self.order)) - 1]
        high: npt.NDArray[np.bool_] = self.score[item] >= max(self.score[last], _LEAST)
        return high

    def is_high_in_category(self, item: Indices, share: float) -> npt.NDArray[np.bool_]:
        """Say the same of the best `share` of its category, rounded up."""
        category = self._category[item]
        start = self._start[category]
        size = self._start[category + 1] - start
        last = self._by_category[start + np.ceil(share * size).astype(np.int64) - 1]
        high: npt.NDArray[np.bool_] = self.score[item] >= np.maximum(self.score[last], _LEAST)
        return high

    def best(self, k: int) -> Ranked:
        """Return the `k` best of all."""
        item = self.order[:k]
        return Ranked(item, self.score[item])

    def best_in(self, category: Indices, k: int) -> Ranked:
        """Return the `k` best of some categories, each named once."""
        item = self.heads(category, np.full(len(category), k)).entry
        return best_of(item, self.score[item], k)

    def heads(self, category: Indices, depth: Indices) -> Heads:
        """Return the first `depth` (c,) items of each `category` (c,)."""
        start = self._start[category]
        size = np.minimum(self._start[category + 1] - start, depth)
        end = np.cumsum(size)
        place = np.arange(size.sum()) + np.repeat(start - end + size, size)
        return Heads(self._by_category[place], size, end)

    def best_outside(self, category: npt.NDArray[np.bool_], k: int) -> npt.NDArray[np.int32]:
        """Return the `k` best items that are in none of the categories of a mask (n_categories,), best first."""
        n, asked = len(self.order), 2 * k
        while True:
            head = self.order[:asked]
            item: npt.NDArray[np.int32] = head[~category[self._category[head]]]
            if len(item) >= k or asked >= n:
                return item[:k]
            asked *= 4
