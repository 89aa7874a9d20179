"""Which shelf an action came from: last touch within a window.

The first of these that applies decides:

1. *named*: the action itself names its slate or placement. Its rank, and what else it leaves out, is that of the
   impression of the same slate and item; carts and purchases more than `click_days` after that go on to the next rule.
2. *clicked*: the same visitor last clicked this item on a shelf (or put it into the cart there) at most `click_days`
   before.
3. *seen*: the same visitor was last shown this item on a shelf at most `view_days` before.

An action has one shelf or none, so a purchase is counted once. That somebody bought what a shelf had shown does not
say that the shelf caused it: that is what a control group is for (`recommender.experiments`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.traffic.columns import NONE, Codes, Rows, Traffic

SECONDS_PER_DAY = 86_400

ACTIONS = (Event.CLICK, Event.ADD_TO_CART, Event.PURCHASE)


class Trace(enum.IntEnum):
    """How an action was traced to a shelf."""

    NONE = 0
    NAMED = 1
    CLICKED = 2
    SEEN = 3


@dataclass(frozen=True, slots=True)
class Window:
    """How long a touch may lie back.

    Raises
    ------
    InvalidInput
        If a length is negative.
    """

    click_days: float = 7.0
    view_days: float = 1.0

    def __post_init__(self) -> None:
        if not (self.click_days >= 0 and self.view_days >= 0):
            raise InvalidInput(f"a window of {self.click_days} and {self.view_days} days; neither may be below 0")


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """For each of n events, the shelf it belongs to; impressions belong to their own."""

    trace: npt.NDArray[np.int8]
    """(n,) values of `Trace`."""
    touch: npt.NDArray[np.int64]
    """(n,) place of the impression or click that it goes back to; -1 if none was recorded."""
    placement: Codes
    """(n,) -1 where there is none."""
    rank: Codes
    """(n,) 0 where it is not known."""
    slate: Codes
    """(n,)"""


def attribute(traffic: Traffic, window: Window) -> Attribution:
    """Trace clicks, carts and purchases to shelves."""
    found = _Tracing(traffic, window)
    found.own_words()
    found.of_clicks()
    found.by_last_touch()
    return Attribution(found.trace, found.touch, found.placement, found.rank, found.slate)


class _Tracing:
    """The columns of an `Attribution` while they fill."""

    def __init__(self, traffic: Traffic, window: Window) -> None:
        self._traffic = traffic
        self._click_seconds = window.click_days * SECONDS_PER_DAY
        self._view_seconds = window.view_days * SECONDS_PER_DAY
        self._seen = self._on_shelves(traffic.rows(Event.IMPRESSION))
        self.trace = np.zeros(len(traffic), dtype=np.int8)
        self.touch = np.full(len(traffic), NONE, dtype=np.int64)
        self.placement = np.full(len(traffic), NONE, dtype=np.int32)
        self.rank = np.zeros(len(traffic), dtype=np.int32)
        self.slate = np.full(len(traffic), NONE, dtype=np.int32)
        self._columns = (
            (self.placement, traffic.placement),
            (self.rank, traffic.rank),
            (self.slate, traffic.slate),
        )

    def own_words(self) -> None:
        """Believe what impressions and actions say of themselves, and complete it from the slate they name."""
        traffic = self._traffic
        rows = self._on_shelves(traffic.rows(Event.IMPRESSION, *ACTIONS))
        self.trace[rows] = Trace.NAMED
        for column, told in self._columns:
            column[rows] = told[rows]
        rows = traffic.rows(*ACTIONS)
        rows = rows[(traffic.slate[rows] != NONE) & (traffic.item[rows] != NONE)]
        impression = _same(self._place_of(self._seen), self._place_of(rows), self._seen)
        is_late = (impression != NONE) & (traffic.event[rows] != Event.CLICK)
        is_late &= traffic.time[rows] - traffic.time[impression] > self._click_seconds
        self._forget(rows[is_late])
        self._complete(rows[~is_late], impression[~is_late])

    def of_clicks(self) -> None:
        """Give clicks that name nothing the last impression of their item."""
        self._follow(self._untraced(Event.CLICK), self._seen, self._view_seconds, Trace.SEEN)

    def by_last_touch(self) -> None:
        """Give carts and purchases the last click, or else the last impression, of their item."""
        traffic, trace = self._traffic, self.trace
        clicks, carts = traffic.rows(Event.CLICK), traffic.rows(Event.ADD_TO_CART)
        touched = np.sort(np.concatenate([clicks[trace[clicks] != Trace.NONE], carts[trace[carts] == Trace.NAMED]]))
        later = (Event.ADD_TO_CART, Event.PURCHASE)
        self._follow(self._untraced(*later), touched, self._click_seconds, Trace.CLICKED)
        self._follow(self._untraced(*later), self._seen, self._view_seconds, Trace.SEEN)

    def _untraced(self, *events: Event) -> Rows:
        rows = self._traffic.rows(*events)
        untraced: Rows = rows[self.trace[rows] == Trace.NONE]
        return untraced

    def _follow(self, rows: Rows, touches: Rows, seconds: float, trace: Trace) -> None:
        """Trace `rows` to the last of `touches` of the same visitor and item, unless it is too long ago."""
        traffic = self._traffic
        rows, touches = self._known(rows), self._known(touches)
        touch = _last_before(self._pair_of(touches), touches, self._pair_of(rows), rows)
        is_found = touch != NONE
        rows, touch = rows[is_found], touch[is_found]
        in_time = traffic.time[rows] - traffic.time[touch] <= seconds
        rows, touch = rows[in_time], touch[in_time]
        self.trace[rows], self.touch[rows] = trace, touch
        for column in (self.placement, self.rank, self.slate):
            column[rows] = column[touch]

    def _forget(self, rows: Rows) -> None:
        """Treat rows as if they had named nothing."""
        self.trace[rows] = Trace.NONE
        for column, unknown in ((self.placement, NONE), (self.rank, 0), (self.slate, NONE)):
            column[rows] = unknown

    def _complete(self, rows: Rows, impression: npt.NDArray[np.int64]) -> None:
        """Note the impression of each of `rows`, and take from it what they do not tell."""
        rows, impression = rows[impression != NONE], impression[impression != NONE]
        self.touch[rows] = impression
        for column, unknown in ((self.placement, NONE), (self.rank, 0)):
            column[rows] = np.where(column[rows] == unknown, column[impression], column[rows])

    def _on_shelves(self, rows: Rows) -> Rows:
        traffic = self._traffic
        placed: Rows = rows[(traffic.slate[rows] != NONE) | (traffic.placement[rows] != NONE)]
        return placed

    def _known(self, rows: Rows) -> Rows:
        """Return the rows that name a visitor and an item."""
        traffic = self._traffic
        known: Rows = rows[(traffic.visitor[rows] != NONE) & (traffic.item[rows] != NONE)]
        return known

    def _place_of(self, rows: Rows) -> npt.NDArray[np.int64]:
        return (self._traffic.slate[rows].astype(np.int64) << 32) + self._traffic.item[rows]

    def _pair_of(self, rows: Rows) -> npt.NDArray[np.int64]:
        return (self._traffic.visitor[rows].astype(np.int64) << 32) + self._traffic.item[rows]


def _same(
    keys: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64], values: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[np.int64]:
    """Return the value of the first key that equals each wanted one; -1 where none does."""
    found = np.full(len(wanted), NONE, dtype=np.int64)
    if len(keys):
        by_key = np.argsort(keys, kind="stable")
        at = np.minimum(keys.searchsorted(wanted, sorter=by_key), len(keys) - 1)
        is_same = keys[by_key[at]] == wanted
        found[is_same] = values[by_key[at[is_same]]]
    return found


def _last_before(
    keys: npt.NDArray[np.int64], places: Rows, wanted: npt.NDArray[np.int64], before: Rows
) -> npt.NDArray[np.int64]:
    """Return, for each wanted key, the last of its `places` below that of `before`; -1 where there is none.

    `places` ascend.
    """
    found = np.full(len(wanted), NONE, dtype=np.int64)
    if not len(keys) or not len(wanted):
        return found
    number = np.unique(np.concatenate([keys, wanted]), return_inverse=True)[1]
    length = max(int(places[-1]), int(before.max())) + 1
    # One number that ascends with key and place: the search is for both at once.
    touched = np.sort(number[: len(keys)] * length + places)
    at = touched.searchsorted(number[len(keys) :] * length + before) - 1
    last = touched[np.maximum(at, 0)]
    is_found = (at >= 0) & (last // length == number[len(keys) :])
    found[is_found] = last[is_found] % length
    return found
