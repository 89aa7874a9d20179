"""Votes for a few of many things, added up: what stands for a column that is almost everywhere zero.

A person's neighbours are a few hundred items of half a million. A `Tally` holds those and nothing else, so that making,
reading and ranking it costs what it holds. The sums are those of the full column to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from recommender.ranking import Ranked, best_of

_WORTH_A_COLUMN = 16
"""A column is filled where it is at most so many times longer than the votes; sorting them is slower then."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.integer[Any]]
_Number = TypeVar("_Number", bound=np.integer[Any])


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Sums of votes, above zero."""

    item: npt.NDArray[np.int32]
    """(d,) what was voted for, ascending, each once."""
    value: Floats
    """(d,) greater than 0."""

    @classmethod
    def of(
        cls,
        item: Indices,
        vote: npt.NDArray[np.floating[Any]],
        *,
        n: int,
        scale: npt.NDArray[np.float64] | None = None,
    ) -> Self:
        """Add up votes.

        Parameters
        ----------
        item
            (m,) what each vote is for, in [0, n).
        vote
            (m,) at least 0.
        n
            How many things there are.
        scale
            (n,) what each sum is multiplied by; 1 without it.
        """
        if n <= _WORTH_A_COLUMN * len(item):
            column = np.bincount(item, vote, n)
            named = np.flatnonzero(column > 0)
            total = column[named]
        else:
            named, which = np.unique(item, return_inverse=True)
            total = np.bincount(which, vote, len(named))
        value = (total if scale is None else total * scale[named]).astype(np.float32)
        counts = value > 0
        return cls(named[counts].astype(np.int32), value[counts])

    def __len__(self) -> int:
        return len(self.item)

    def select(self, keep: npt.NDArray[np.bool_]) -> Tally:
        """Return what a mask (d,) keeps."""
        return Tally(self.item[keep], self.value[keep])

    def without(self, item: Indices) -> Tally:
        """Return the tally without the things `item` (m,), in whatever order."""
        return self.select(~among(self.item, item))

    def at(self, item: Indices) -> Floats:
        """Return (k,) the sums of the things `item` (k,), 0 for what nobody voted for."""
        if not len(self):
            return np.zeros(len(item), dtype=np.float32)
        place = np.minimum(self.item.searchsorted(item), len(self) - 1)
        found: Floats = np.where(self.item[place] == item, self.value[place], np.float32(0))
        return found

    def best(self, k: int) -> Ranked:
        """Return the `k` with the largest sums, or all if there are fewer."""
        return best_of(self.item, self.value, k)


def among(item: Indices, listed: Indices) -> npt.NDArray[np.bool_]:
    """Return (k,) bool: which of the things `item` (k,) are among those `listed` (m,), in whatever order.

    >>> among(np.array([1, 2, 3]), np.array([3, 1, 9])).tolist()
    [True, False, True]
    """
    if not len(listed):
        return np.zeros(len(item), dtype=np.bool_)
    ascending = np.sort(listed)
    place = np.minimum(ascending.searchsorted(item), len(ascending) - 1)
    found: npt.NDArray[np.bool_] = ascending[place] == item
    return found


def distinct(item: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """Return the things `item` (k,) ascending, each once; a sort, since for thousands of them hashing is slower.

    >>> distinct(np.array([3, 1, 3], dtype=np.int32)).tolist()
    [1, 3]
    """
    ascending = np.sort(item)
    return ascending[np.diff(ascending, prepend=-1) > 0]


def places(item: Indices, listed: Indices, *, n: int) -> npt.NDArray[np.integer[Any]]:
    """Return (k,) the place of each of the things `item` (k,) among those `listed` (m,), each once; -1 elsewhere.

    There are `n` things, which decides the way: a map of all, or a search.

    >>> places(np.array([1, 2, 3]), np.array([3, 1]), n=4).tolist()
    [1, -1, 0]
    """
    if not len(listed):
        return np.full(len(item), -1)
    if n <= _WORTH_A_COLUMN * len(item):
        place_of = np.full(n, -1, dtype=np.int32)
        place_of[listed] = np.arange(len(listed))
        return place_of[item]
    order = np.argsort(listed)
    place = order[np.minimum(listed.searchsorted(item, sorter=order), len(listed) - 1)]
    return np.where(listed[place] == item, place, -1)
