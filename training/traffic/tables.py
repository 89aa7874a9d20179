"""The content of `regulars traffic` as plain values: what shelves showed, were clicked for and sold."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recommender.experiments.visitors import Period
from recommender.slate import Placement
from recommender.traffic.attribution import SECONDS_PER_DAY, Attribution, Trace, Window, attribute
from recommender.traffic.columns import NONE
from recommender.traffic.figures import By, shelf_figures
from recommender.traffic.returns import Sales, net_sales
from training.progress import Progress
from training.settings import TrainingSettings
from training.traffic.period import day_of, period_of, require_order, written_day
from training.traffic.reading import Read, read_traffic

UNNAMED = "(not named)"
"""Placement of events that name a slate alone, whose impression was not reported."""

MOST_PLACEMENTS = 50
"""Placements with a row of their own: pages may report under any name, and so may anybody with a key from a page."""

VIEWS: dict[str, tuple[By, ...]] = {
    "all": (By.ALL,),
    "placement": (By.PLACEMENT,),
    "position": (By.PLACEMENT, By.RANK),
    "day": (By.DAY,),
    "placement_day": (By.PLACEMENT, By.DAY),
    "trace": (By.TRACE,),
}
"""How traffic is broken down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfRow:
    """One group; what it is not broken down by is None."""

    placement: str | None = None
    position: int | None = None
    """From 1; 0 where nobody told it."""
    day: str | None = None
    trace: str | None = None
    """How orders were traced: named, clicked or seen."""
    impressions: int
    clicks: int
    carts: int
    orders: int
    units: float
    revenue: float

    @property
    def click_through(self) -> float | None:
        """Clicks per place seen; None if none was."""
        return self.clicks / self.impressions if self.impressions else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficReport:
    """Everything about one period."""

    shop: str
    currency: str
    since: str
    """First day, UTC."""
    until: str
    """Last day."""
    click_days: float
    view_days: float
    orders: int
    """All orders of the period, whatever led to them."""
    revenue: float
    views: dict[str, tuple[ShelfRow, ...]]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the empty columns of each row."""
        content = asdict(self)
        content["views"] = {
            view: [
                {name: value for name, value in asdict(row).items() if value is not None}
                | {"click_through": row.click_through}
                for row in rows
            ]
            for view, rows in self.views.items()
        }
        return content


def traffic_report(
    settings: TrainingSettings,
    *,
    since: dt.date | None,
    until: dt.date | None,
    with_log: bool,
    erased: Collection[str],
    progress: Progress,
) -> TrafficReport:
    """Read the files and add up the days from `since` to `until`, both included; without them, all.

    Raises
    ------
    EmptyLog
        If there are no events.
    InvalidInput
        If a file cannot be understood, or the days hold no event.
    """
    require_order(since, until)
    window = Window(settings.attribution.click_days, settings.attribution.view_days)
    reach = None if since is None else day_of(since) - round(max(window.click_days, window.view_days) * SECONDS_PER_DAY)
    read = read_traffic(settings, erased=erased, with_log=with_log, since=reach, progress=progress)
    period = period_of(read, since, until)
    with progress.step("trace to shelves"):
        traced, sales = attribute(read.traffic, window), net_sales(read.traffic)
    traced, sales = _inside(read, traced, sales, period)
    with progress.step("add up"):
        read, traced = _few_placements(read, traced)
        views = {name: _rows(read, traced, sales, by) for name, by in VIEWS.items()}
    return TrafficReport(
        shop=settings.shop.name,
        currency=settings.shop.currency,
        since=written_day(period.since // SECONDS_PER_DAY),
        until=written_day((period.until - 1) // SECONDS_PER_DAY),
        click_days=window.click_days,
        view_days=window.view_days,
        orders=len(np.unique(read.traffic.order[sales.row])),
        revenue=float(sales.amount.sum()),
        views=views,
        notes=read.notes,
    )


def _inside(read: Read, traced: Attribution, sales: Sales, period: Period) -> tuple[Attribution, Sales]:
    """Leave out what happened outside the period; it was needed to look back from inside."""
    is_inside = (read.traffic.time >= period.since) & (read.traffic.time < period.until)
    trace = np.where(is_inside, traced.trace, np.int8(Trace.NONE))
    kept = is_inside[sales.row]
    return dataclasses.replace(traced, trace=trace), Sales(sales.row[kept], sales.quantity[kept], sales.amount[kept])


def _few_placements(read: Read, traced: Attribution) -> tuple[Read, Attribution]:
    """Put placements together beyond `MOST_PLACEMENTS`: the API's own stay, then those with the most events."""
    placed = traced.placement[(traced.trace != Trace.NONE) & (traced.placement >= 0)]
    events = np.bincount(placed, minlength=len(read.placements))
    used = int(np.count_nonzero(events))
    if used <= MOST_PLACEMENTS:
        return read, traced
    own = np.isin(read.placements, [placement.value for placement in Placement])
    kept = np.lexsort((-events, ~own))[:MOST_PLACEMENTS]
    code = np.full(len(events) + 1, len(events), dtype=np.int32)
    code[kept], code[-1] = kept, NONE
    others = used - int(np.count_nonzero(events[kept]))
    named = (*read.placements, f"and {others:,} others")
    return dataclasses.replace(read, placements=named), dataclasses.replace(traced, placement=code[traced.placement])


def _rows(read: Read, traced: Attribution, sales: Sales, by: Sequence[By]) -> tuple[ShelfRow, ...]:
    found = shelf_figures(read.traffic, traced, sales, by=by)
    columns = (found.impressions, found.clicks, found.carts, found.orders, found.units, found.revenue)
    names = ("impressions", "clicks", "carts", "orders", "units", "revenue")
    return tuple(
        ShelfRow(**_key(read, by, keys), **dict(zip(names, values, strict=True)))
        for keys, *values in zip(found.keys.tolist(), *(column.tolist() for column in columns), strict=True)
    )


def _key(read: Read, by: Sequence[By], keys: Sequence[int]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, code in zip(by, keys, strict=True):
        match name:
            case By.PLACEMENT:
                named["placement"] = read.placements[code] if code >= 0 else UNNAMED
            case By.RANK:
                named["position"] = code
            case By.DAY:
                named["day"] = written_day(code)
            case By.TRACE:
                named["trace"] = Trace(code).name.lower()
            case By.ALL:
                pass
    return named
