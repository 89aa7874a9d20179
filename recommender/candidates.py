"""Scored items before any rule has looked at them.

`Candidates` are five columns of one length, best first. They are what a ranker returns, what publishing
writes into the store for every user, and what the rules turn into a slate.
A list of seven candidates has length seven: nothing is padded, no score stands for "nothing".
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.rules import NotAmong

NO_ANCHOR = -1
"""Value of the `anchor` column where a reason rests on no item."""


class Source(enum.IntEnum):
    """Which rung of the ladder an item came from. The numbers are a wire format: append, never renumber."""

    PERSONAL = 0
    FOLDED_IN = 1
    BUY_AGAIN = 2
    BOUGHT_TOGETHER = 3
    SIMILAR = 4
    TRENDING = 5
    POPULAR_IN_CATEGORY = 6
    POPULAR = 7

    @property
    def label(self) -> str:
        """The name used in the API."""
        return self.name.lower()


class ReasonCode(enum.IntEnum):
    """Why an item is offered. The numbers are a wire format: append, never renumber."""

    POPULAR = 0
    POPULAR_IN_CATEGORY = 1
    TRENDING = 2
    BUY_AGAIN = 3
    BECAUSE_YOU_BOUGHT = 4
    BOUGHT_TOGETHER = 5
    SIMILAR_TO = 6
    FAVOURITE_CATEGORY = 7

    @property
    def label(self) -> str:
        """The name used in the API."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Scored items, best first, each with its source, reason and anchor.

    Raises
    ------
    InvalidInput
        If the columns differ in length, an item occurs twice, or a score is not finite.
    """

    item: npt.NDArray[np.int32]
    """(k,) dense item indices, each once."""
    score: npt.NDArray[np.float32]
    """(k,) orders the items of this list and is comparable nowhere else."""
    source: npt.NDArray[np.uint8]
    """(k,) `Source` numbers."""
    reason: npt.NDArray[np.uint8]
    """(k,) `ReasonCode` numbers."""
    anchor: npt.NDArray[np.int32]
    """(k,) the item the reason rests on, or `NO_ANCHOR`."""

    def __post_init__(self) -> None:
        if len({len(column) for column in self._columns()}) != 1:
            raise InvalidInput("candidate columns differ in length")
        ascending = np.sort(self.item)
        if (ascending[1:] == ascending[:-1]).any():
            raise InvalidInput("an item occurs twice among the candidates")
        if not np.isfinite(self.score).all():
            raise InvalidInput("candidate scores must be finite")

    @classmethod
    def of(
        cls,
        item: npt.NDArray[np.integer[Any]],
        score: npt.NDArray[np.floating[Any]],
        *,
        source: Source,
        reason: ReasonCode | npt.NDArray[np.uint8],
        anchor: int | npt.NDArray[np.int32] = NO_ANCHOR,
    ) -> Candidates:
        """Build a list that shares one source, and one reason and anchor unless given per item."""
        k = len(item)
        return cls(
            item=item.astype(np.int32),
            score=score.astype(np.float32),
            source=np.full(k, source, dtype=np.uint8),
            reason=np.broadcast_to(np.asarray(reason, dtype=np.uint8), (k,)),
            anchor=np.broadcast_to(np.asarray(anchor, dtype=np.int32), (k,)),
        )

    @classmethod
    @functools.cache
    def empty(cls) -> Candidates:
        """Return a list of length zero."""
        return cls.of(np.empty(0, np.int32), np.empty(0, np.float32), source=Source.POPULAR, reason=ReasonCode.POPULAR)

    def __len__(self) -> int:
        return len(self.item)

    def select(self, keep: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Candidates:
        """Return the rows of a mask, a list of positions or a slice, in that order."""
        return Candidates(*(column[keep] for column in self._columns()))

    def rows(self) -> Iterator[tuple[int, float, int, int, int]]:
        """Yield (item, score, source, reason, anchor) as plain numbers."""
        return zip(*(column.tolist() for column in self._columns()), strict=True)

    def then(self, others: Candidates) -> Candidates:
        """Return these candidates followed by those of `others` that are not among them."""
        if not len(self):
            return others
        rest = others.select(NotAmong(self.item).keep(others.item))
        return Candidates(*map(np.concatenate, zip(self._columns(), rest._columns(), strict=True)))

    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        """Return the fields, in their order."""
        return self.item, self.score, self.source, self.reason, self.anchor
