"""The purchase log as columns: who did what to which item, when, and how much of it.

`Interactions` is what cleaning produces and everything offline reads. It is valid if constructed:
columns of one length, finite numbers, indices inside their `IdMap`, and rows in canonical order
(time, order, user, item, event). Canonical order is what makes training a function of the set of rows.

A guest's row has no user. Guests count for baskets and popularity, and for nothing personal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.ids import IdMap

GUEST = -1
"""Value of the `user` column where the buyer is unknown."""

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """Validated interactions in canonical order.

    Use `from_columns` to sort; the constructor requires sorted columns.

    Raises
    ------
    InvalidInput
        If the columns differ in length, are out of range, not finite or not sorted.
    """

    users: IdMap
    items: IdMap
    user: npt.NDArray[np.int32]
    """(n,) index into `users`, or `GUEST`."""
    item: npt.NDArray[np.int32]
    """(n,) index into `items`."""
    event: npt.NDArray[np.int8]
    """(n,) `Event` numbers."""
    quantity: npt.NDArray[np.float32]
    """(n,) units, greater than 0."""
    amount: npt.NDArray[np.float64]
    """(n,) money for the whole line, at least 0, in the shop's currency."""
    order: npt.NDArray[np.int32]
    """(n,) dense order number: rows with the same number form one basket."""
    time: npt.NDArray[np.datetime64]
    """(n,) datetime64[s], UTC."""

    def __post_init__(self) -> None:
        columns = self._columns()
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) != 1:
            raise InvalidInput(f"columns differ in length: {lengths}")
        _require_range("user", self.user, GUEST, len(self.users))
        _require_range("item", self.item, 0, len(self.items))
        _require_range("event", self.event, 0, len(Event))
        if not (np.isfinite(self.quantity).all() and (self.quantity > 0).all()):
            raise InvalidInput("quantity must be finite and greater than 0 in every row")
        if not (np.isfinite(self.amount).all() and (self.amount >= 0).all()):
            raise InvalidInput("amount must be finite and at least 0 in every row")
        if self.time.dtype != np.dtype("datetime64[s]") or np.isnat(self.time).any():
            raise InvalidInput(f"time must be datetime64[s] without NaT, not {self.time.dtype}")
        if not self._is_canonical():
            raise InvalidInput("rows must be in canonical order; build Interactions with from_columns")

    @classmethod
    def from_columns(cls, users: IdMap, items: IdMap, **columns: npt.NDArray[Any]) -> Interactions:
        """Build from unsorted columns (same names and meanings as the fields)."""
        order = np.lexsort([columns[name] for name in _SORT_KEYS])
        return cls(users, items, **{name: column[order] for name, column in columns.items()})

    def __len__(self) -> int:
        return len(self.user)

    @property
    def n_orders(self) -> int:
        """How many distinct baskets there are."""
        return len(np.unique(self.order))

    def select(self, mask: npt.NDArray[np.bool_]) -> Interactions:
        """Return the rows where `mask` (n,) is true, over the same ids."""
        return Interactions(self.users, self.items, **{name: column[mask] for name, column in self._columns().items()})

    def between(self, start: np.datetime64 | None, end: np.datetime64 | None) -> Interactions:
        """Return the rows with ``start <= time < end``; None leaves that side open."""
        mask = np.ones(len(self), dtype=np.bool_)
        if start is not None:
            mask &= self.time >= start
        if end is not None:
            mask &= self.time < end
        return self.select(mask)

    def select_events(self, events: Collection[Event]) -> Interactions:
        """Return the rows of these kinds of events, guests included."""
        return self.select(np.isin(self.event, [int(event) for event in events]))

    def purchases(self) -> Interactions:
        """Return the purchases, guests included."""
        return self.select_events([Event.PURCHASE])

    def of_users(self) -> Interactions:
        """Return the rows that have a user."""
        return self.select(self.user != GUEST)

    def relabel(self) -> Interactions:
        """Return the same rows over id maps that hold only the ids that occur."""
        users = IdMap(tuple(self.users.ids[i] for i in np.unique(self.user[self.user != GUEST])))
        items = IdMap(tuple(self.items.ids[i] for i in np.unique(self.item)))
        user = np.where(self.user == GUEST, GUEST, np.searchsorted(np.unique(self.user[self.user != GUEST]), self.user))
        item = np.searchsorted(np.unique(self.item), self.item)
        return dataclasses.replace(
            self, users=users, items=items, user=user.astype(np.int32), item=item.astype(np.int32)
        )

    def with_items(self, item_ids: Iterable[str]) -> Interactions:
        """Return the same rows over an item map that holds `item_ids` as well."""
        items = IdMap.from_values([*self.items.ids, *item_ids])
        # Both maps ascend, so indices keep their order, and rows the canonical one.
        index = items.known(self.items.ids)
        return dataclasses.replace(self, items=items, item=index[self.item])

    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        return {name: getattr(self, name) for name in ("user", "item", "event", "quantity", "amount", "order", "time")}

    def _is_canonical(self) -> bool:
        in_order = np.ones(max(len(self) - 1, 0), dtype=np.bool_)
        for name in _SORT_KEYS:
            before, after = getattr(self, name)[:-1], getattr(self, name)[1:]
            in_order = (before < after) | ((before == after) & in_order)
        return bool(in_order.all())


_SORT_KEYS = ("amount", "quantity", "event", "item", "user", "order", "time")
"""Least significant first, as numpy.lexsort wants them."""


def _require_range(name: str, column: npt.NDArray[Any], low: int, high: int) -> None:
    if len(column) and (column.min() < low or column.max() >= high):
        raise InvalidInput(f"{name} must lie in [{low}, {high}), found {column.min()} to {column.max()}")
