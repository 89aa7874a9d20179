"""Newcomers among scored items, without scoring them one by one: each has the mean score of its family.

`Newcomers` says whose siblings speak for whom. All newcomers of a family have one score, so that the best of them
are the first few of the best families, and a score that is zero almost everywhere is so for families too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.cold import Newcomers
from recommender.peers import Adjacency
from recommender.ranking import best_of
from recommender.tally import Tally, among

_ROWS_AT_ONCE = 16_384
"""Members whose vectors are gathered at a time."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """The families of a catalogue's newcomers."""

    size: npt.NDArray[np.int64]
    """(n_families,) siblings that speak for each."""
    family: npt.NDArray[np.int32]
    """(n_items,) the family of each newcomer, -1 for everything else; empty if there are no newcomers."""
    newcomers: Adjacency
    """By family, ascending."""
    spoken_for: Adjacency
    """By item, the families whose siblings it is among."""
    _newcomers: Newcomers = field(repr=False)

    @classmethod
    def of(cls, newcomers: Newcomers, n_items: int) -> Families:
        """Arrange newcomers by family, and families by sibling."""
        size = np.diff(newcomers.start, append=len(newcomers.member))
        family = np.full(n_items if len(newcomers) else 0, -1, dtype=np.int32)
        family[newcomers.item] = newcomers.family
        by_family = np.lexsort((newcomers.item, newcomers.family))
        by_member = np.argsort(newcomers.member, kind="stable")
        of_member = np.repeat(np.arange(len(size)), size)
        return cls(
            size=size,
            family=family,
            newcomers=Adjacency.from_pairs(
                newcomers.family[by_family], newcomers.item[by_family], n_rows=len(newcomers.start)
            ),
            spoken_for=Adjacency.from_pairs(
                newcomers.member[by_member], of_member[by_member], n_rows=n_items if len(newcomers) else 0
            ),
            _newcomers=newcomers,
        )

    def __len__(self) -> int:
        return len(self.size)

    def means(self, vectors: Floats) -> Floats:
        """Return (n_families, f): the mean of the rows of `vectors` (n_items, f) that speak for each family."""
        result = np.zeros((len(self), vectors.shape[1]), dtype=np.float64)
        member, family = self._newcomers.member, np.repeat(np.arange(len(self)), self.size)
        for start in range(0, len(member), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            first = np.flatnonzero(np.diff(family[rows], prepend=-1))
            result[family[rows][first]] += np.add.reduceat(vectors[member[rows]], first, axis=0, dtype=np.float64)
        means: Floats = (result / np.maximum(self.size, 1)[:, None]).astype(np.float32)
        return means

    def tally_means(self, tally: Tally) -> Floats:
        """Return (n_families,) the mean of what a tally says of each family's siblings."""
        if not len(self):
            return np.empty(0, np.float32)
        family, sizes = self.spoken_for.of(tally.item)
        total = np.bincount(family, np.repeat(tally.value, sizes), len(self))
        return (total / self.size).astype(np.float32)

    def fill(self, item: Indices, score: Floats, of_family: Floats) -> Floats:
        """Return `score` (k, …) of the items `item` (k,) with newcomers' replaced by their family's (n_families, …)."""
        if not len(self):
            return score
        family = self.family[item]
        new = np.flatnonzero(family >= 0)
        if len(new):
            score = score.copy()
            score[new] = of_family[family[new]]
        return score

    def leading(self, of_family: Floats, k: int, *, exclude: Indices) -> npt.NDArray[np.int32]:
        """Return newcomers, the `k` best among them without those excluded; more come along where families tie.

        Parameters
        ----------
        of_family
            (n_families,) float32: the score of each family's newcomers; a family at −∞ is left out.
        k
            How many are wanted.
        exclude
            (m,) items that do not count.
        """
        family = np.flatnonzero(of_family > -np.inf)
        if not len(family) or not k:
            return np.empty(0, np.int32)
        barred = exclude[self.family[exclude] >= 0]
        wanted = k + len(barred)
        best = best_of(family, of_family[family], wanted)
        # Each family has one newcomer at least, so that no more than so many families are needed.
        count = self.newcomers.indptr[best.item + 1] - self.newcomers.indptr[best.item]
        enough = min(int(np.cumsum(count).searchsorted(wanted)), len(best) - 1)
        found = self.newcomers.heads(family[of_family[family] >= best.score[enough]], wanted)
        return found if not len(barred) else found[~among(found, barred)]
