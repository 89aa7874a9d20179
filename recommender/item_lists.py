"""One list of distinct items per user: rankings (best first), relevant items, owned items.

Row ``r`` is ``item[indptr[r]:indptr[r + 1]]``, the layout of a CSR matrix without its values.
Lists have the length they have: nothing is padded, so a ranker that knows seven items returns seven.
Which user a row stands for is said by whoever holds the lists (see `recommender.holdout`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput


@dataclass(frozen=True, slots=True, eq=False)
class ItemLists:
    """Ragged rows of item indices.

    Raises
    ------
    InvalidInput
        If `indptr` does not partition `item`, an index is negative, or a row names an item twice.

    Examples
    --------
    >>> lists = ItemLists.from_rows([[4, 2], [], [7]])
    >>> len(lists), lists.row(0).tolist(), lists.lengths.tolist()
    (3, [4, 2], [2, 0, 1])
    """

    indptr: npt.NDArray[np.int64]
    """(n_rows + 1,) where each row starts, ascending from 0."""
    item: npt.NDArray[np.int32]
    """(n,) dense item indices, each once per row."""

    def __post_init__(self) -> None:
        if not len(self.indptr) or self.indptr[0] != 0 or self.indptr[-1] != len(self.item):
            raise InvalidInput(f"indptr must run from 0 to the number of items, {len(self.item)}")
        if (np.diff(self.indptr) < 0).any():
            raise InvalidInput("indptr must not decrease")
        if len(self.item) and self.item.min() < 0:
            raise InvalidInput(f"item indices must be at least 0, found {self.item.min()}")
        keys = np.sort(self.keys())
        repeated = np.flatnonzero(keys[1:] == keys[:-1])
        if len(repeated):
            row, item = divmod(int(keys[repeated[0]]), self.stride)
            raise InvalidInput(f"row {row} names item {item} twice; a list holds each item once")

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int] | npt.NDArray[np.integer[Any]]]) -> ItemLists:
        """Build from one sequence of item indices per row."""
        indptr = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=indptr[1:])
        items = [np.asarray(row, dtype=np.int32) for row in rows]
        return cls(indptr, np.concatenate(items) if items else np.empty(0, dtype=np.int32))

    @classmethod
    def from_pairs(
        cls, row: npt.NDArray[np.integer[Any]], item: npt.NDArray[np.integer[Any]], *, n_rows: int
    ) -> ItemLists:
        """Build from (row, item) pairs; the pairs of one row keep their relative order."""
        order = np.argsort(row, kind="stable")
        indptr = np.zeros(n_rows + 1, dtype=np.int64)
        np.cumsum(np.bincount(row, minlength=n_rows), out=indptr[1:])
        return cls(indptr, item[order].astype(np.int32))

    @classmethod
    def empty(cls, n_rows: int) -> ItemLists:
        """Return `n_rows` lists of length zero."""
        return cls(np.zeros(n_rows + 1, dtype=np.int64), np.empty(0, dtype=np.int32))

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __iter__(self) -> Iterator[npt.NDArray[np.int32]]:
        """Yield the list of each row as a view."""
        return (self.row(index) for index in range(len(self)))

    def row(self, index: int) -> npt.NDArray[np.int32]:
        """Return the list of one row as a view."""
        return self.item[self.indptr[index] : self.indptr[index + 1]]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """(n_rows,) how many items each row has."""
        return np.diff(self.indptr)

    @property
    def stride(self) -> int:
        """One more than the largest item index: row * stride + item is unique."""
        return int(self.item.max()) + 1 if len(self.item) else 1

    def rows(self) -> npt.NDArray[np.int64]:
        """Return (n,) the row of every entry."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def positions(self) -> npt.NDArray[np.int64]:
        """Return (n,) the place of every entry in its row, from 0."""
        return np.arange(len(self.item)) - np.repeat(self.indptr[:-1], self.lengths)

    def keys(self, stride: int | None = None) -> npt.NDArray[np.int64]:
        """Return (n,) ``row * stride + item``, by which entries of two `ItemLists` are compared."""
        return self.rows() * (self.stride if stride is None else stride) + self.item

    def top(self, k: int) -> ItemLists:
        """Return the first `k` items of every row."""
        return self if self.lengths.max(initial=0) <= k else self.keep(self.positions() < k)

    def keep(self, entries: npt.NDArray[np.bool_]) -> ItemLists:
        """Return the same rows with only the entries where the mask (n,) is true."""
        return ItemLists.from_pairs(self.rows()[entries], self.item[entries], n_rows=len(self))

    def select(self, chosen: npt.NDArray[np.bool_]) -> ItemLists:
        """Return the rows where the mask (n_rows,) is true."""
        if chosen.all():
            return self
        indptr = np.zeros(int(chosen.sum()) + 1, dtype=np.int64)
        np.cumsum(self.lengths[chosen], out=indptr[1:])
        return ItemLists(indptr, self.item[np.repeat(chosen, self.lengths)])

    def found_in(self, others: ItemLists) -> npt.NDArray[np.bool_]:
        """Return (n,) whether each entry also stands in the same row of `others`."""
        if len(self) != len(others):
            raise InvalidInput(f"lists of {len(self)} and of {len(others)} rows cannot be compared")
        stride = max(self.stride, others.stride)
        known = np.sort(others.keys(stride))
        wanted = self.keys(stride)
        if not len(known):
            return np.zeros(len(wanted), dtype=np.bool_)
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.asarray(known[place] == wanted)

    def without(self, others: ItemLists) -> ItemLists:
        """Return the rows without the items of the same row of `others`."""
        return self.keep(~self.found_in(others))
