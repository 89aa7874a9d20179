"""Events as columns of one length, in one order whatever the order of the files.

Strings are numbers here: a visitor, item, slate, placement or order is a code from 0 on, -1 where the event names none.
A visitor is a user, or a guest's browser; who reads the files decides which strings share a code.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.events import Event

NONE = -1
"""Code of what an event does not name."""

_FIRST = (Event.IMPRESSION, Event.CLICK, Event.ADD_TO_CART, Event.REMOVE_FROM_CART, Event.PURCHASE, Event.RETURN)
"""What happens in the same second happens in this order; anything else comes after."""
_ONCE = (Event.IMPRESSION, Event.CLICK)
"""A place of a slate is seen once and clicked once, however often it is reported."""

Rows = npt.NDArray[np.intp]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Traffic:
    """n events.

    `Traffic.of` brings rows into order and drops repeated ones; the constructor expects that this was done.

    Raises
    ------
    InvalidInput
        If the columns differ in length.
    """

    event: npt.NDArray[np.int8]
    """(n,) values of `recommender.events.Event`."""
    time: npt.NDArray[np.int64]
    """(n,) seconds since 1970, UTC; ascending."""
    visitor: Codes
    """(n,)"""
    item: Codes
    """(n,)"""
    slate: Codes
    """(n,)"""
    placement: Codes
    """(n,)"""
    rank: Codes
    """(n,) from 1; 0 where it is not told."""
    order: Codes
    """(n,) of purchases and returns."""
    quantity: npt.NDArray[np.float64]
    """(n,) units."""
    amount: npt.NDArray[np.float64]
    """(n,) money for the line; NaN where it is not told."""

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in dataclasses.fields(self)}
        if len(set(lengths.values())) != 1:
            raise InvalidInput(f"columns of events must be of one length: {lengths}")

    @classmethod
    def of(cls, **columns: npt.NDArray[Any]) -> Traffic:
        """Build from columns in any order of rows."""
        return cls(**columns)._sorted()._once()

    def __len__(self) -> int:
        return len(self.event)

    def rows(self, *events: Event) -> Rows:
        """Return the places of some kinds of event."""
        return np.flatnonzero(np.isin(self.event, np.array(events, dtype=np.int8)))

    def select(self, rows: Rows | npt.NDArray[np.bool_]) -> Traffic:
        """Return some of the rows, in their order."""
        return Traffic(**{field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)})

    def _sorted(self) -> Traffic:
        last = len(_FIRST)
        turn = np.full(256, last, dtype=np.int64)
        turn[list(_FIRST)] = np.arange(last)
        when = self.time * (last + 1) + turn[self.event]
        who = (self.visitor.astype(np.int64) << 32) + self.item
        where = (self.slate.astype(np.int64) << 32) + (self.placement.astype(np.int64) << 16) + self.rank
        # The last keys decide only where everything else is the same; they make the order of the files irrelevant.
        return self.select(np.lexsort((self.amount, self.quantity, self.event, self.order, where, who, when)))

    def _once(self) -> Traffic:
        rows = self.rows(*_ONCE)
        rows = rows[self.slate[rows] != NONE]
        kind = (self.event[rows] == Event.CLICK).astype(np.int64)
        place = (self.slate[rows].astype(np.int64) << 32) + (self.item[rows].astype(np.int64) << 1) + kind
        first = np.unique(place, return_index=True)[1]
        if len(first) == len(rows):
            return self
        keep = np.ones(len(self), dtype=np.bool_)
        keep[rows] = False
        keep[rows[first]] = True
        return self.select(keep)
