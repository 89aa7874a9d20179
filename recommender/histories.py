"""What each user bought, how often and when: everything a ranking needs to know of a person.

A `History` is one person's past as columns over the items they touched. It is small, it can be brought up to date
with fresh events in microseconds, and every personal score is a function of it. `Histories` holds those of all
users of a model back to back.

A count that decays is kept per half-life::

    decayed_h(u, i) = Σ over orders of 2^(-(at - time) / h)

so a later reading needs one multiplication, and a new order adds 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.confidence import Confidence
from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.interactions import SECONDS_PER_DAY, Interactions

CHUNK = 50_000
"""Users whose pasts are looked at together."""

HALF_LIVES_DAYS = (7.0, 30.0, 120.0)
"""A week, a month and a season: what someone buys now, usually, and at all."""

_EARLIEST, _LATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
"""Where the search for a first and a last moment starts."""


@dataclass(frozen=True, slots=True)
class FreshEvent:
    """Something a user did after the model was trained, or a guest did in this session."""

    item_index: int
    event: Event
    quantity: float
    time: np.datetime64


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """One person's past.

    Items that were only looked at are there too, with no orders; `owned` tells them apart.
    """

    at: np.datetime64
    """datetime64[s]: the moment the decayed counts refer to."""
    item: npt.NDArray[np.int32]
    """(m,) item indices, ascending, each once."""
    orders: npt.NDArray[np.float32]
    """(m,) orders that contained the item."""
    first: npt.NDArray[np.int64]
    """(m,) seconds since 1970: the first of those orders (or the first look)."""
    last: npt.NDArray[np.int64]
    """(m,) seconds since 1970: the last of those orders (or the last look)."""
    decayed: npt.NDArray[np.float32]
    """(m, 3) decayed counts of orders, one column per half-life of `HALF_LIVES_DAYS`."""
    confidence: npt.NDArray[np.float32]
    """(m,) c_ui > 1, as in the matrix the factors were trained on."""
    user_index: int | None = None
    """Row of the user in the model, or None for someone the model never saw."""
    changed: bool = False
    """Whether fresh events were added, so that the stored user factors no longer fit."""

    @classmethod
    def empty(cls, at: np.datetime64) -> History:
        """Return the past of a stranger."""
        none = np.empty(0, np.float32)
        times = np.empty(0, np.int64)
        decayed = np.empty((0, len(HALF_LIVES_DAYS)), np.float32)
        return cls(at, np.empty(0, np.int32), none, times, times, decayed, none)

    def __len__(self) -> int:
        return len(self.item)

    @property
    def owned(self) -> npt.NDArray[np.int32]:
        """(j,) the items that were bought, ascending."""
        return self.item[self.orders > 0]

    def owns(self, item: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Return (k,) bool: which of the items `item` (k,) were bought."""
        owned = self.owned
        found: npt.NDArray[np.bool_] = owned.searchsorted(item, "right") > owned.searchsorted(item, "left")
        return found

    def decayed_at(self, now: np.datetime64) -> npt.NDArray[np.float32]:
        """Return (m, 3): the decayed counts as of `now`; a moment before `at` reads as `at`."""
        age_days = max(0.0, float((now - self.at) / np.timedelta64(1, "s")) / SECONDS_PER_DAY)
        factor = np.exp2(-age_days / np.array(HALF_LIVES_DAYS))
        decayed: npt.NDArray[np.float32] = self.decayed * factor.astype(np.float32)
        return decayed

    def moved_to(self, at: np.datetime64) -> History:
        """Return the same past with its decayed counts referring to `at`."""
        return dataclasses.replace(self, at=at, decayed=self.decayed_at(at))

    def with_events(self, events: Sequence[FreshEvent], confidence: Confidence) -> History:
        """Return this past brought up to date; purchases count, clicks and carts raise confidence only.

        Purchases of one item at one moment are lines of one order. An event that arrives late counts with its
        age. Negative events change nothing here: what a user does not want is a rule, not a preference of zero.
        """
        counted = confidence.events | {Event.PURCHASE}
        relevant = sorted((e for e in events if e.event in counted), key=lambda e: (e.time, e.item_index, e.event))
        if not relevant:
            return self
        items = np.array([event.item_index for event in relevant], dtype=np.int32)
        grown = self.moved_to(max(self.at, relevant[-1].time))._with_rows(items)
        ordered = {(e.item_index, e.time): e for e in relevant if e.event == Event.PURCHASE}
        looked = [e for e in relevant if e.event != Event.PURCHASE]
        for order in ordered.values():
            grown._count_order(order)
        for look in looked:
            grown._count_look(look)
        for event in relevant:
            grown.confidence[grown._row(event)] += confidence.gain(event.event, event.quantity)
        return grown

    def with_cart(self, cart: npt.NDArray[np.int32], confidence: Confidence, *, now: np.datetime64) -> History:
        """Return this past with the items of `cart` (c,) put into the cart just now."""
        put = [FreshEvent(item, Event.ADD_TO_CART, 1.0, now) for item in cart.tolist()]
        return self.with_events(put, confidence)

    def _with_rows(self, items: npt.NDArray[np.int32]) -> History:
        """Return a copy with writable columns that has a row for each of `items`."""
        missing = np.setdiff1d(items, self.item)
        order = np.argsort(np.concatenate([self.item, missing]), kind="stable")

        def extend(column: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.concatenate([column, new.astype(column.dtype)])[order]

        return History(
            at=self.at,
            item=extend(self.item, missing),
            orders=extend(self.orders, np.zeros(len(missing))),
            first=extend(self.first, np.full(len(missing), _LATEST)),
            last=extend(self.last, np.full(len(missing), _EARLIEST)),
            decayed=extend(self.decayed, np.zeros((len(missing), len(HALF_LIVES_DAYS)))),
            confidence=extend(self.confidence, np.ones(len(missing))),
            user_index=self.user_index,
            changed=True,
        )

    def _count_order(self, event: FreshEvent) -> None:
        row = self._row(event)
        if self.orders[row] == 0:
            self.first[row], self.last[row] = _LATEST, _EARLIEST
        self._stretch(row, event)
        age_days = float((self.at - event.time) / np.timedelta64(1, "s")) / SECONDS_PER_DAY
        self.decayed[row] += np.exp2(-age_days / np.array(HALF_LIVES_DAYS))
        self.orders[row] += 1

    def _count_look(self, event: FreshEvent) -> None:
        row = self._row(event)
        if self.orders[row] == 0:
            self._stretch(row, event)

    def _stretch(self, row: int, event: FreshEvent) -> None:
        seconds = int(event.time.astype("datetime64[s]").astype(np.int64))
        self.first[row] = min(int(self.first[row]), seconds)
        self.last[row] = max(int(self.last[row]), seconds)

    def _row(self, event: FreshEvent) -> int:
        return int(np.searchsorted(self.item, event.item_index))


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """The pasts of all users, row by row."""

    at: np.datetime64
    """datetime64[s]: the moment the decayed counts refer to."""
    indptr: npt.NDArray[np.int64]
    """(n_users + 1,) user u owns rows ``indptr[u]:indptr[u + 1]`` of the columns below."""
    item: npt.NDArray[np.int32]
    """(n,) ascending within a user."""
    orders: npt.NDArray[np.float32]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    decayed: npt.NDArray[np.float32]
    """(n, 3)"""
    confidence: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        columns = (self.item, self.orders, self.first, self.last, self.decayed, self.confidence)
        if {len(column) for column in columns} != {int(self.indptr[-1])}:
            raise InvalidInput("history columns do not have the length that indptr says")

    @classmethod
    def from_interactions(cls, interactions: Interactions, confidence: Confidence, *, now: np.datetime64) -> Histories:
        """Sum up the purchases and the events with a weight, per user and item; guests are left out.

        Rows later than `now` count as happening then.
        """
        rows = interactions.of_users().select_events(confidence.events | {Event.PURCHASE})
        gains = confidence.of_rows(rows, now=now)
        n_items = max(1, len(interactions.items))
        keys, pair = np.unique(rows.user.astype(np.int64) * n_items + rows.item, return_inverse=True)
        bought = rows.event == Event.PURCHASE
        once = bought & _first_of_each(pair, rows.order, where=bought)
        seconds = rows.time.astype(np.int64)
        age_days = np.maximum(now.astype("datetime64[s]").astype(np.int64) - seconds, 0) / SECONDS_PER_DAY
        counts = [np.bincount(pair, once * np.exp2(-age_days / h), len(keys)) for h in HALF_LIVES_DAYS]
        first, last = _span(pair, seconds, bought, len(keys))
        return cls(
            at=now.astype("datetime64[s]"),
            indptr=np.searchsorted(keys // n_items, np.arange(len(interactions.users) + 1)).astype(np.int64),
            item=(keys % n_items).astype(np.int32),
            orders=np.bincount(pair, once, len(keys)).astype(np.float32),
            first=first,
            last=last,
            decayed=np.stack(counts, axis=1).astype(np.float32),
            confidence=(1 + np.bincount(pair, gains, len(keys))).astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def select(self, keep: npt.NDArray[np.bool_]) -> Histories:
        """Return the pasts of the users in the mask `keep` (n_users,), and nothing of the others."""
        sizes = np.diff(self.indptr)
        row = np.repeat(keep, sizes)
        return Histories(
            at=self.at,
            indptr=np.concatenate([[0], np.cumsum(sizes[keep])]).astype(np.int64),
            item=self.item[row],
            orders=self.orders[row],
            first=self.first[row],
            last=self.last[row],
            decayed=self.decayed[row],
            confidence=self.confidence[row],
        )

    def of(self, user_index: int) -> History:
        """Return the past of one user."""
        return self._rows(slice(user_index, user_index + 1), user_index=user_index)

    def chunks(self) -> Iterator[tuple[slice, History]]:
        """Yield the pasts of `CHUNK` users at a time, back to back as if they were one person's."""
        for start in range(0, len(self), CHUNK):
            users = slice(start, min(start + CHUNK, len(self)))
            yield users, self._rows(users)

    def users_of_rows(self, users: slice) -> npt.NDArray[np.int64]:
        """Return (m,) whose each row of a chunk is."""
        return np.repeat(np.arange(users.start, users.stop), np.diff(self.indptr[users.start : users.stop + 1]))

    def _rows(self, users: slice, *, user_index: int | None = None) -> History:
        rows = slice(int(self.indptr[users.start]), int(self.indptr[users.stop]))
        return History(
            at=self.at,
            item=self.item[rows],
            orders=self.orders[rows],
            first=self.first[rows],
            last=self.last[rows],
            decayed=self.decayed[rows],
            confidence=self.confidence[rows],
            user_index=user_index,
        )


def _first_of_each(
    pair: npt.NDArray[np.intp], order: npt.NDArray[np.int32], *, where: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Mark one row of each (pair, order), so that two lines of one basket count as one order."""
    chosen = np.flatnonzero(where)
    by_pair = chosen[np.lexsort((order[chosen], pair[chosen]))]
    same = (np.diff(pair[by_pair]) == 0) & (np.diff(order[by_pair]) == 0)
    mark = np.zeros(len(pair), dtype=np.bool_)
    mark[by_pair[np.concatenate([[True], ~same])[: len(by_pair)]]] = True
    return mark


def _span(
    pair: npt.NDArray[np.intp], seconds: npt.NDArray[np.int64], bought: npt.NDArray[np.bool_], n_pairs: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first and last purchase per pair, or the first and last look where nothing was bought."""
    has_purchase = np.bincount(pair, bought, n_pairs) > 0
    counts = bought | ~has_purchase[pair]
    first, last = np.full(n_pairs, _LATEST), np.full(n_pairs, _EARLIEST)
    np.minimum.at(first, pair[counts], seconds[counts])
    np.maximum.at(last, pair[counts], seconds[counts])
    return first, last
