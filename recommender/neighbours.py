"""Which items go together: the k nearest neighbours of every item.

Two items are near when the same baskets, or the same users, hold both. With n_i the number of baskets that hold i
and co_ij the number that hold both, the weight is a cosine that has to be earned:

    w_ij = co_ij / (√(n_i · n_j) + shrinkage)

Two items that met once in their only basket have cosine 1; with a shrinkage of 10 they weigh 0.09.

The cosine is one choice of three powers, `Powers`: how much the popularity of the anchor i and of the neighbour j
counts against a pair, and how much the size of a group g counts against what it says::

    w_ij = Σ_{g holds i, j} |g|^-group / (n_i^anchor · n_j^neighbour + shrinkage)

Where people buy few things each, a smaller power for the neighbour and a larger one for the group rank better.

The co-occurrence matrix of 100,000 items does not fit in memory. It is computed in blocks of rows whose
size is known beforehand, and each block is cut to its `k` best before the next one is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommender.errors import InvalidInput
from recommender.interactions import Interactions
from recommender.ranking import Ranked
from recommender.tally import Tally, places

_BLOCK_PRODUCTS = 4_000_000
"""Multiplications per block: no block holds more values, about 100 MB with what is computed from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """What popularity and size take away from a pair; the defaults are the cosine.

    Raises
    ------
    InvalidInput
        If a power is not within 0 and 2.
    """

    anchor: float = 0.5
    """Of the number of groups that hold the item whose neighbours are sought."""
    neighbour: float = 0.5
    """Of the number of groups that hold the neighbour: 0 lets the popular ones lead."""
    group: float = 0.0
    """Of the number of distinct items of each group: 0 lets every group say equally much."""

    def __post_init__(self) -> None:
        for name in ("anchor", "neighbour", "group"):
            if not 0 <= getattr(self, name) <= 2:
                raise InvalidInput(f"the power {name} is {getattr(self, name)}; it must be within 0 and 2")


COSINE = Powers()
"""Ochiai's coefficient: the cosine of two columns of zeros and ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest neighbours of every item, in the layout of a CSR matrix.

    Raises
    ------
    InvalidInput
        If `indptr` does not partition the columns, or an index is not an item.
    """

    indptr: npt.NDArray[np.int64]
    """(n_items + 1,) where the neighbours of each item start, ascending from 0."""
    item: npt.NDArray[np.int32]
    """(n,) neighbours, the nearest of each item first, ties by ascending index."""
    weight: npt.NDArray[np.float32]
    """(n,) greater than 0; at most 1 for a cosine."""

    def __post_init__(self) -> None:
        if not len(self.indptr) or self.indptr[0] != 0 or (np.diff(self.indptr) < 0).any():
            raise InvalidInput("indptr must ascend from 0")
        if not self.indptr[-1] == len(self.item) == len(self.weight):
            raise InvalidInput(
                f"indptr ends at {self.indptr[-1]}, but there are {len(self.item)} neighbours"
                f" and {len(self.weight)} weights"
            )
        if len(self.item) and not (self.item.min() >= 0 and self.item.max() < len(self)):
            raise InvalidInput(f"neighbours must be items in [0, {len(self)})")

    @classmethod
    def from_baskets(
        cls, interactions: Interactions, *, k: int = 50, shrinkage: float = 10.0, max_basket: int = 200
    ) -> Neighbours:
        """Items bought in the same order; guests' orders count.

        Parameters
        ----------
        interactions
            Only its purchases are used.
        k
            How many neighbours to keep of each item.
        shrinkage
            Baskets' worth of doubt, at least 0.
        max_basket
            Orders with more distinct items are left out: they say little, and cost the square of their size.
        """
        rows = interactions.purchases()
        return _nearest(_incidence(rows.order, rows, max_basket), k=k, shrinkage=shrinkage)

    @classmethod
    def from_users(
        cls,
        interactions: Interactions,
        *,
        k: int = 50,
        shrinkage: float = 10.0,
        max_items: int = 2000,
        powers: Powers = COSINE,
    ) -> Neighbours:
        """Items bought by the same users, in whatever order; guests do not count.

        Parameters
        ----------
        interactions
            Only its purchases are used.
        k
            How many neighbours to keep of each item.
        shrinkage
            Users' worth of doubt, at least 0.
        max_items
            Users with more distinct items are left out: robots and wholesalers.
        powers
            What popularity and size take away from a pair.
        """
        rows = interactions.purchases().of_users()
        return _nearest(_incidence(rows.user, rows, max_items), k=k, shrinkage=shrinkage, powers=powers)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.indptr) - 1

    def of(self, item_index: int) -> Ranked:
        """Return the neighbours of one item, nearest first, as views."""
        row = slice(int(self.indptr[item_index]), int(self.indptr[item_index + 1]))
        return Ranked(self.item[row], self.weight[row])

    def top(self, k: int) -> Neighbours:
        """Return the `k` nearest neighbours of every item."""
        sizes = np.diff(self.indptr)
        rank = np.arange(len(self.item)) - np.repeat(self.indptr[:-1], sizes)
        indptr = np.concatenate([[0], np.cumsum(np.minimum(sizes, k))]).astype(np.int64)
        return Neighbours(indptr, self.item[rank < k], self.weight[rank < k])

    def scores(
        self, item: npt.NDArray[np.integer[Any]], weight: npt.NDArray[np.floating[Any]]
    ) -> npt.NDArray[np.float32]:
        """Return (n_items,) float32: Σ_a weight_a · w_aj, what the anchors `item` (m,) say together of every item j."""
        position, sizes = self._positions(item)
        vote = self.weight[position] * np.repeat(np.asarray(weight, dtype=np.float64), sizes)
        return np.bincount(self.item[position], vote, minlength=len(self)).astype(np.float32)

    def tally(self, item: npt.NDArray[np.integer[Any]], weight: npt.NDArray[np.floating[Any]]) -> Tally:
        """Return the same where it is not 0, in time that depends on the anchors alone."""
        position, sizes = self._positions(item)
        vote = self.weight[position] * np.repeat(np.asarray(weight, dtype=np.float64), sizes)
        return Tally.of(self.item[position], vote, n=len(self))

    def links(
        self, item: npt.NDArray[np.integer[Any]], target: npt.NDArray[np.integer[Any]]
    ) -> npt.NDArray[np.float32]:
        """Return (t, m) float32: the weight with which each anchor `item` (m,) names each `target` (t,), or 0.

        Targets occur once each.
        """
        position, sizes = self._positions(item)
        row = places(self.item[position], target, n=len(self))
        named = np.flatnonzero(row >= 0)
        links = np.zeros((len(target), len(item)), dtype=np.float32)
        links[row[named], np.repeat(np.arange(len(item)), sizes)[named]] = self.weight[position[named]]
        return links

    def _positions(self, item: npt.NDArray[np.integer[Any]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return where the neighbours of the anchors `item` stand, end to end, and how many each anchor has."""
        starts = self.indptr[item]
        sizes = self.indptr[1:][item] - starts
        return np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes), sizes

    def as_matrix(self) -> csr_matrix:
        """Return (n_items, n_items) float32 CSR with sorted indices; row i holds the neighbours of item i."""
        columns = (self.weight.copy(), self.item.copy(), self.indptr.copy())
        matrix = csr_matrix(columns, shape=(len(self), len(self)))
        matrix.sort_indices()
        return matrix


def _incidence(group: npt.NDArray[np.int32], rows: Interactions, max_size: int) -> csr_matrix:
    """Return (n_groups, n_items) float32 CSR: 1 where the group holds the item; groups above `max_size` are empty."""
    ones = np.ones(len(rows), dtype=np.float32)
    n_groups = int(group.max()) + 1 if len(group) else 0
    matrix = csr_matrix((ones, (group, rows.item)), shape=(n_groups, len(rows.items)))
    matrix.data[:] = np.repeat(np.diff(matrix.indptr) <= max_size, np.diff(matrix.indptr))
    matrix.eliminate_zeros()
    return matrix


def _nearest(groups: csr_matrix, *, k: int, shrinkage: float, powers: Powers = COSINE) -> Neighbours:
    """Return the `k` largest w_ij of every item i, j ≠ i."""
    if k < 1 or not 0 <= shrinkage < np.inf:
        raise InvalidInput(f"k is {k} and shrinkage {shrinkage}; k must be at least 1, shrinkage at least 0")
    by_item = groups.T.tocsr()
    n = np.diff(by_item.indptr).astype(np.float64)
    of_anchor, of_neighbour = ((n**power).astype(np.float32) for power in (powers.anchor, powers.neighbour))
    sizes = np.diff(groups.indptr)
    groups.data[:] = np.repeat(np.maximum(sizes, 1) ** -powers.group, sizes)
    found = [_Pairs.empty()]
    for rows in _row_blocks(by_item, groups):
        together = by_item[rows] @ groups
        sizes = np.diff(together.indptr)
        # w_ij = co_ij / (n_i^anchor · n_j^neighbour + shrinkage), where co_ij = Σ |g|^-group
        doubt = np.repeat(of_anchor[rows], sizes) * of_neighbour[together.indices] + np.float32(shrinkage)
        weight = together.data / doubt
        item = np.repeat(np.arange(rows.start, rows.stop, dtype=np.int32), sizes)
        weight[item == together.indices] = 0
        found.append(_Pairs(item, together.indices, weight).best(together.indptr, k))
    item = np.concatenate([pairs.item for pairs in found])
    return Neighbours(
        indptr=np.searchsorted(item, np.arange(len(n) + 1)).astype(np.int64),
        item=np.concatenate([pairs.neighbour for pairs in found]),
        weight=np.concatenate([pairs.weight for pairs in found]),
    )


def _row_blocks(by_item: csr_matrix, groups: csr_matrix) -> Iterator[slice]:
    """Cut the items into runs whose products cost at most `_BLOCK_PRODUCTS`, or one item where that alone is more."""
    group_size = np.diff(groups.indptr).astype(np.int64)
    cost = np.concatenate([[0], np.cumsum(group_size[by_item.indices])])[by_item.indptr]
    start = 0
    while start < by_item.shape[0]:
        end = int(np.searchsorted(cost, cost[start] + _BLOCK_PRODUCTS, side="right")) - 1
        end = max(end, start + 1)
        yield slice(start, end)
        start = end


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Weights of some items with their neighbours, one row per pair, ascending by `item`."""

    item: npt.NDArray[np.int32]
    neighbour: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float32]

    @classmethod
    def empty(cls) -> _Pairs:
        return cls(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))

    def select(self, rows: npt.NDArray[Any]) -> _Pairs:
        return _Pairs(self.item[rows], self.neighbour[rows], self.weight[rows])

    def best(self, indptr: npt.NDArray[np.integer[Any]], k: int) -> _Pairs:
        """Return the `k` heaviest pairs of each item, heaviest first, ties by index; `indptr` bounds the items."""
        sizes = np.diff(indptr)
        threshold = np.zeros(len(sizes), dtype=np.float32)
        for row in np.flatnonzero(sizes > k).tolist():
            end = int(indptr[row + 1])
            threshold[row] = np.partition(self.weight[indptr[row] : end], -k)[-k]
        # A cheap cut first (ties stay in), so that only about k pairs of each item are sorted.
        heavy = self.select((self.weight > 0) & (self.weight >= np.repeat(threshold, sizes)))
        heavy = heavy.select(np.lexsort([heavy.neighbour, -heavy.weight, heavy.item]))
        rank = np.arange(len(heavy.item)) - np.searchsorted(heavy.item, heavy.item)
        return heavy.select(rank < k)
