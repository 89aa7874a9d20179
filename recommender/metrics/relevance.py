"""Which places of a ranking are hits: the one input of every per-user metric.

Turning rankings and relevant items into a boolean matrix once makes each metric one line of arithmetic.
A place behind the end of a short ranking is a miss, exactly as if a wrong item stood there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.item_lists import ItemLists


@dataclass(frozen=True, slots=True, eq=False)
class Relevance:
    """Hits by place, and how many there could be.

    Raises
    ------
    InvalidInput
        If shapes differ, a user has nothing relevant, or more hits than relevant items.
    """

    hits: npt.NDArray[np.bool_]
    """(n_users, k) whether the item on that place is relevant."""
    n_relevant: npt.NDArray[np.int64]
    """(n_users,) relevant items of each user, at least 1."""

    def __post_init__(self) -> None:
        if self.hits.ndim != 2 or self.hits.shape[1] < 1 or len(self.hits) != len(self.n_relevant):
            raise InvalidInput(f"hits {self.hits.shape} and n_relevant {self.n_relevant.shape} do not fit together")
        if len(self.n_relevant) and self.n_relevant.min() < 1:
            raise InvalidInput("a user without relevant items cannot be measured; leave such users out")
        if (self.hits.sum(axis=1) > self.n_relevant).any():
            raise InvalidInput("a user has more hits than relevant items")

    @classmethod
    def of(cls, rankings: ItemLists, relevant: ItemLists, *, k: int) -> Relevance:
        """Look up the first `k` items of every ranking among the relevant items of the same row."""
        if k < 1:
            raise InvalidInput(f"k must be at least 1, not {k}")
        top = rankings.top(k)
        found = top.found_in(relevant)
        hits = np.zeros((len(rankings), k), dtype=np.bool_)
        hits[top.rows()[found], top.positions()[found]] = True
        return cls(hits, relevant.lengths)

    @property
    def k(self) -> int:
        """How many places are looked at."""
        return int(self.hits.shape[1])

    @property
    def n_hits(self) -> npt.NDArray[np.float64]:
        """(n_users,) how many places are hits."""
        return np.asarray(self.hits.sum(axis=1), dtype=np.float64)

    @property
    def attainable(self) -> npt.NDArray[np.int64]:
        """(n_users,) the most hits `k` places can hold: ``min(k, n_relevant)``."""
        return np.minimum(self.k, self.n_relevant)

    def at(self, k: int) -> Relevance:
        """Return the first `k` places.

        Raises
        ------
        InvalidInput
            If fewer than `k` places were looked at.
        """
        if not 1 <= k <= self.k:
            raise InvalidInput(f"k must lie in 1 to {self.k}, not {k}")
        return Relevance(self.hits[:, :k], self.n_relevant)
