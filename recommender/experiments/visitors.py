"""One row per visitor of an experiment: when they entered it, and what they did from then on.

Visitors enter with the first shelf they were shown in the period: before that, their group cannot have made a
difference, and who never saw a shelf would only add noise. They stay to the end of the period, in the group they were
assigned to, whatever they saw later (intention to treat). Everything counts from the moment of entering, wherever
in the shop it happened: an order need not come from a shelf.
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.traffic.attribution import SECONDS_PER_DAY, Attribution, Trace
from recommender.traffic.columns import NONE, Codes, Rows, Traffic
from recommender.traffic.returns import Sales

NEVER = np.iinfo(np.int64).max
"""A moment that did not come."""


class Entry(enum.StrEnum):
    """What makes a visitor part of an experiment."""

    SHELF = "shelf"
    """Being shown a shelf."""
    ANY = "any"
    """Any event, orders included: for shops that report no impressions."""


@dataclass(frozen=True, slots=True)
class Period:
    """Seconds since 1970, the end not included.

    Raises
    ------
    InvalidInput
        If it does not end after it begins.
    """

    since: int
    until: int
    prior_days: float = 90.0
    """How long before the period a visitor's orders are looked at, to take differences off that were there before."""

    def __post_init__(self) -> None:
        if self.until <= self.since:
            raise InvalidInput("the period ends before it begins; give --since a day before --until")

    @property
    def days(self) -> float:
        """Its length."""
        return (self.until - self.since) / SECONDS_PER_DAY


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Visitors:
    """v visitors of one experiment. Counts and money are from entering to the end of the period."""

    period: Period
    groups: tuple[str, ...]
    group: npt.NDArray[np.int8]
    """(v,) places in `groups`."""
    entered: npt.NDArray[np.int64]
    """(v,) seconds since 1970."""
    impressions: npt.NDArray[np.int64]
    """(v,) places of shelves they saw."""
    clicks: npt.NDArray[np.int64]
    """(v,) of those, clicked."""
    carted: npt.NDArray[np.bool_]
    """(v,) whether they put anything into the cart."""
    orders: npt.NDArray[np.int64]
    """(v,) orders of which something was kept."""
    revenue: npt.NDArray[np.float64]
    """(v,) money for what was kept."""
    first_order: npt.NDArray[np.int64]
    """(v,) moment, or `NEVER`."""
    second_order: npt.NDArray[np.int64]
    """(v,) moment, or `NEVER`."""
    prior_revenue: npt.NDArray[np.float64]
    """(v,) money spent in the days before the period."""

    def __len__(self) -> int:
        return len(self.group)

    def of_group(self, group: int) -> Visitors:
        """Return the visitors of one group."""
        return self.select(self.group == group)

    def select(self, rows: npt.NDArray[np.bool_] | Rows) -> Visitors:
        """Return some of the visitors."""
        return dataclasses.replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})

    def with_revenue(self, revenue: npt.NDArray[np.float64]) -> Visitors:
        """Return the same visitors with another value of money."""
        return dataclasses.replace(self, revenue=revenue)


_COLUMNS = tuple(field.name for field in dataclasses.fields(Visitors) if field.name not in {"period", "groups"})


def observe(
    traffic: Traffic,
    traced: Attribution,
    sales: Sales,
    *,
    group: npt.NDArray[np.int8],
    groups: tuple[str, ...],
    period: Period,
    entry: Entry = Entry.SHELF,
    entered: npt.NDArray[np.int64] | None = None,
) -> Visitors:
    """Gather what the visitors of an experiment did.

    Parameters
    ----------
    traffic, traced, sales
        Everything that is known, from the days before the period to its end.
    group
        (n_visitors,) place of each visitor's group, by visitor code; -1 for those who are not in the experiment.
    groups
        Names of the groups.
    period
        From when to when.
    entry
        What makes a visitor part of it.
    entered
        (n_visitors,) when each visitor entered, seconds since 1970, `NEVER` for outsiders, where that is known without
        looking at events; it may go on beyond the visitors that `traffic` knows, with `group`.
    """
    n = len(group)
    if entered is None:
        entered = _entered(traffic, group, period, entry)
    inside = entered < NEVER
    bought = sales.row[traffic.visitor[sales.row] != NONE]
    kept = sales.amount[traffic.visitor[sales.row] != NONE]
    after = _after(traffic, bought, entered, period)
    before = (traffic.time[bought] < period.since) & (
        traffic.time[bought] >= period.since - period.prior_days * SECONDS_PER_DAY
    )
    count, first, second = _orders(traffic, bought[after], n)
    seen, clicked = (_known(traffic, _on_shelf(traffic, traced, event)) for event in (Event.IMPRESSION, Event.CLICK))
    carted = _known(traffic, traffic.rows(Event.ADD_TO_CART))
    columns: dict[str, Any] = {
        "impressions": _count(traffic, seen[_after(traffic, seen, entered, period)], n),
        "clicks": _count(traffic, clicked[_after(traffic, clicked, entered, period)], n),
        "carted": _count(traffic, carted[_after(traffic, carted, entered, period)], n) > 0,
        "orders": count,
        "revenue": _money(traffic, bought[after], kept[after], n),
        "first_order": first,
        "second_order": second,
        "prior_revenue": np.bincount(traffic.visitor[bought[before]], weights=kept[before], minlength=n).astype(
            np.float64
        ),
    }
    return Visitors(
        period=period,
        groups=groups,
        group=group[inside],
        entered=entered[inside],
        **{name: column[inside] for name, column in columns.items()},
    )


def _entered(traffic: Traffic, group: npt.NDArray[np.int8], period: Period, entry: Entry) -> npt.NDArray[np.int64]:
    rows = traffic.rows(Event.IMPRESSION) if entry is Entry.SHELF else np.arange(len(traffic))
    rows = _known(traffic, rows)
    time = traffic.time[rows]
    rows = rows[(time >= period.since) & (time < period.until) & (group[traffic.visitor[rows]] >= 0)]
    entered = np.full(len(group), NEVER, dtype=np.int64)
    np.minimum.at(entered, traffic.visitor[rows], traffic.time[rows])
    return entered


def _known(traffic: Traffic, rows: Rows) -> Rows:
    known: Rows = rows[traffic.visitor[rows] != NONE]
    return known


def _on_shelf(traffic: Traffic, traced: Attribution, event: Event) -> Rows:
    rows = traffic.rows(event)
    placed: Rows = rows[traced.trace[rows] != Trace.NONE]
    return placed


def _after(traffic: Traffic, rows: Rows, entered: npt.NDArray[np.int64], period: Period) -> npt.NDArray[np.bool_]:
    """Say which rows lie between their visitor's entering and the end of the period."""
    found: npt.NDArray[np.bool_] = (traffic.time[rows] >= entered[traffic.visitor[rows]]) & (
        traffic.time[rows] < period.until
    )
    return found


def _count(traffic: Traffic, rows: Rows, n: int) -> npt.NDArray[np.int64]:
    return np.bincount(traffic.visitor[rows], minlength=n)


def _money(traffic: Traffic, rows: Rows, amount: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
    # Without any row, numpy counts in whole numbers, weights or not.
    return np.bincount(traffic.visitor[rows], weights=amount, minlength=n).astype(np.float64)


def _orders(
    traffic: Traffic, rows: Rows, n: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (n,) how many orders each visitor placed, and the moments of the first and the second."""
    visitor: Codes = traffic.visitor[rows]
    # Rows ascend in time, so the first row of an order is its moment.
    first_row = np.unique((visitor.astype(np.int64) << 32) + traffic.order[rows] + 1, return_index=True)[1]
    first_row.sort()
    visitor, time = visitor[first_row], traffic.time[rows[first_row]]
    by_visitor = np.argsort(visitor, kind="stable")
    visitor, time = visitor[by_visitor], time[by_visitor]
    count = np.bincount(visitor, minlength=n)
    start = np.cumsum(count) - count
    moments = []
    for place in (0, 1):
        moment = np.full(n, NEVER, dtype=np.int64)
        has = count > place
        moment[has] = time[start[has] + place]
        moments.append(moment)
    return count, moments[0], moments[1]
