"""The items whose vectors have the largest inner products with a person's, without multiplying them all.

By Cauchy and Schwarz, x·y ≤ ‖x‖ ‖y‖. With the longest vectors looked at first, the search is over once ‖x‖ times the
length of the next one is below the k-th best product so far: nothing behind it can be better. Bestsellers have long
vectors and most of a catalogue has short ones, so that this happens early, and the result is exact: that of multiplying
everything and sorting, equal products by ascending item index.

The longest vectors are copied, to lie side by side, as many as `MOST_COPIED` bytes hold. Where the bound does not end
the search among them, everything is multiplied after all, where it lies; so the worst case costs little more than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.ranking import Ranked, top_k

MOST_COPIED = 32 * 2**20
"""Bytes of vectors that lie in order of length: 131,072 vectors of 64 numbers."""

_FIRST_BLOCK = 4096
"""Vectors multiplied before the bound is asked for the first time; each further block is as long as all before it."""

_ROUNDING = 2.0**-22
"""What rounding may add to a product of float32 vectors, per factor and unit of ‖x‖ ‖y‖, with room to spare."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What was found, and what it took."""

    found: Ranked
    scanned: int
    """How many vectors were multiplied."""


class InnerProductIndex:
    """Finds the largest inner products among fixed vectors. Immutable, and safe to share between threads.

    Parameters
    ----------
    vectors
        (n, f) float32, finite. It is not copied as a whole.
    among
        (n,) bool: which of them are looked at; all without it.
    most_copied
        Bytes that the copy may take.

    Examples
    --------
    >>> index = InnerProductIndex(np.array([[1, 0], [0, 3], [2, 2]], dtype=np.float32))
    >>> index.best(np.array([1, 1], dtype=np.float32), 2).item.tolist()
    [2, 1]
    """

    def __init__(self, vectors: Floats, *, among: Mask | None = None, most_copied: int = MOST_COPIED) -> None:
        n, size = vectors.shape
        self._vectors, self._among = vectors, among
        self._slack = 1 + (size + 4) * _ROUNDING
        length = np.sqrt(np.einsum("if,if->i", vectors, vectors, dtype=np.float64))
        order = np.arange(n) if among is None else np.flatnonzero(among)
        order = order[np.argsort(-length[order], kind="stable")]
        copied = min(len(order), most_copied // (4 * max(size, 1)))
        # From here on, "place" is a position in the order of length.
        self._shortness = -length[order]
        self._item = order[:copied].astype(np.int32)
        self._longest = np.ascontiguousarray(vectors[self._item])
        self._place = np.full(n, len(order), dtype=np.int32)
        self._place[self._item] = np.arange(copied)

    def __len__(self) -> int:
        """Return the number of vectors that are looked at."""
        return len(self._shortness)

    def best(self, vector: Floats, k: int, *, exclude: Indices | None = None, keep: Mask | None = None) -> Ranked:
        """Return the `k` items with the largest products, or fewer if there are fewer."""
        return self.search(vector, k, exclude=exclude, keep=keep).found

    def search(self, vector: Floats, k: int, *, exclude: Indices | None = None, keep: Mask | None = None) -> Search:
        """Return the same, with what it took.

        Parameters
        ----------
        vector
            (f,) float32.
        k
            How many items to return at most.
        exclude
            (m,) item indices that are not ranked, in any order and with repeats.
        keep
            (n,) bool; only items where it is true are ranked.

        Raises
        ------
        InvalidInput
            If `k` is negative or the vector not finite.
        """
        if k < 0:
            raise InvalidInput(f"k is {k}; a ranking has 0 items or more")
        length = float(np.linalg.norm(vector.astype(np.float64))) * self._slack
        if not np.isfinite(length):
            raise InvalidInput("the vector to compare with is not finite")
        if not length or not k:
            return Search(self._rank_all(np.zeros(len(self._place), np.float32), k, exclude, keep), 0)
        barred = None if exclude is None else np.sort(self._place[exclude])
        best, at = _Best(k), 0
        while at < (reach := self._reach(best.floor / length)):
            if at == len(self._item):
                scores = self._vectors @ vector
                # The same product, summed up in another order, may come out a little smaller.
                margin = -self._shortness[0] * length * (self._slack - 1)
                return Search(self._rank_all(scores, k, exclude, keep, floor=best.floor - margin), at + len(scores))
            end = min(reach, len(self._item), at + max(at, _FIRST_BLOCK))
            scores = self._longest[at:end] @ vector
            if barred is not None:
                here = barred[barred.searchsorted(at) : barred.searchsorted(end)]
                scores[here - at] = -np.inf
            if keep is not None:
                scores[~keep[self._item[at:end]]] = -np.inf
            best.add(scores, at)
            at = end
        return Search(best.ranked(self._item), at)

    def _reach(self, length: float) -> int:
        """Return how many vectors are at least so long."""
        return int(self._shortness.searchsorted(-length, "right"))

    def _rank_all(
        self, scores: Floats, k: int, exclude: Indices | None, keep: Mask | None, floor: float = -np.inf
    ) -> Ranked:
        """Return the `k` best of the products with all vectors, none of which is below `floor`."""
        if np.isfinite(floor):
            return self._rank_few(scores, np.flatnonzero(scores >= floor), k, exclude, keep)
        allowed = self._among if keep is None else keep if self._among is None else keep & self._among
        return top_k(scores, k, keep=allowed, exclude=exclude)

    def _rank_few(
        self, scores: Floats, item: npt.NDArray[np.intp], k: int, exclude: Indices | None, keep: Mask | None
    ) -> Ranked:
        for allowed in (self._among, keep):
            if allowed is not None:
                item = item[allowed[item]]
        if exclude is not None:
            item = item[np.isin(item, exclude, invert=True)]
        found = top_k(scores[item], k)
        return Ranked(item[found.item].astype(np.int32), found.score)


class _Best:
    """The best products so far, ties at the end included."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._place: npt.NDArray[np.intp] = np.empty(0, np.intp)
        self._score: Floats = np.empty(0, np.float32)
        self.floor = -np.inf
        """What the k-th best is not below."""

    def add(self, scores: Floats, start: int) -> None:
        """Take in the products `scores` (b,) of the places from `start` on; −∞ is none."""
        found = np.flatnonzero(scores >= self.floor if np.isfinite(self.floor) else np.isfinite(scores))
        place, score = np.concatenate([self._place, found + start]), np.concatenate([self._score, scores[found]])
        if len(score) >= self._k:
            self.floor = float(np.partition(score, len(score) - self._k)[-self._k])
            stays = score >= self.floor
            place, score = place[stays], score[stays]
        self._place, self._score = place, score

    def ranked(self, item_at: npt.NDArray[np.int32]) -> Ranked:
        """Return the `k` best, given the item at each place."""
        item = item_at[self._place]
        order = np.lexsort((item, -self._score))[: self._k]
        return Ranked(item[order], self._score[order])
