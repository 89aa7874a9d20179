"""What shelves were shown, clicked and bought from, by placement and day, as far as the event files tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.traffic.attribution import SECONDS_PER_DAY, Attribution, Trace, Window, attribute
from recommender.traffic.columns import NONE, Codes, Traffic
from recommender.traffic.figures import By, ShelfFigures, shelf_figures
from recommender.traffic.returns import Sales, net_sales
from serving.console.event_log import Columns, Hashes

PERIODS = (7, 28, 90)
"""Days one may look at."""
NO_PLACEMENT = "(no placement)"

TRACES = {
    Trace.NAMED: "the order names the shelf",
    Trace.CLICKED: "the item was clicked on a shelf before",
    Trace.SEEN: "the item was seen on a shelf before",
    Trace.NONE: "no shelf",
}


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """All events that are kept, and where each leads."""

    traffic: Traffic
    traced: Attribution
    sales: Sales
    placements: tuple[str, ...]
    group_of_visitor: npt.NDArray[np.int16]
    """(n_visitors,) by visitor code; -1 outside every experiment."""
    is_whole: bool
    n_given_up: int
    n_unreadable: int

    @property
    def last_day(self) -> int:
        """Days since 1970 of the latest event."""
        return int(self.traffic.time[-1] // SECONDS_PER_DAY) if len(self.traffic) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What one placement did in a period."""

    name: str
    impressions: int
    clicks: int
    carts: int
    orders: int
    units: float
    revenue: float
    daily_revenue: tuple[float, ...]
    daily_clicks: tuple[int, ...]
    daily_impressions: tuple[int, ...]

    @property
    def click_through(self) -> float | None:
        """Clicks per place that was seen."""
        return self.clicks / self.impressions if self.impressions else None

    @property
    def daily_click_through(self) -> tuple[float, ...]:
        """The same by day; 0 where nothing was seen."""
        pairs = zip(self.daily_clicks, self.daily_impressions, strict=True)
        return tuple(clicks / seen if seen else 0.0 for clicks, seen in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A period, broken down."""

    days: tuple[str, ...]
    """ISO 8601, ascending."""
    shelves: tuple[Shelf, ...]
    """Those with the most revenue first, then those with the most clicks."""
    total: Shelf
    """Every placement together: an order with items of two of them counts once."""
    traces: tuple[tuple[str, int, float], ...]
    """How orders are traced: in words, orders, revenue."""
    shop_orders: int
    shop_revenue: float
    unpriced: int
    """Lines of orders that tell no price."""


def traced(columns: Columns, window: Window) -> Traced:
    """Trace every event to its shelf. Takes seconds for half a million: runs in a thread."""
    values = columns.values
    visitor, n_visitors = _codes(values["visitor"])
    group = np.full(n_visitors, NONE, dtype=np.int16)
    assigned = (visitor != NONE) & (values["group"] != NONE)
    group[visitor[assigned]] = values["group"][assigned]
    traffic = Traffic.of(
        event=values["event"],
        time=values["time"],
        visitor=visitor,
        item=_codes(values["item"])[0],
        slate=_codes(values["slate"])[0],
        placement=values["placement"].astype(np.int32),
        rank=values["rank"].astype(np.int32),
        order=_codes(values["order"])[0],
        quantity=values["quantity"].astype(np.float64),
        amount=values["amount"],
    )
    return Traced(
        traffic,
        attribute(traffic, window),
        net_sales(traffic),
        columns.placements,
        group,
        columns.is_whole,
        columns.n_given_up,
        columns.n_unreadable,
    )


def view(of: Traced, *, days: int) -> View:
    """Break down the last `days` days up to the latest event."""
    first = of.last_day - days + 1
    here = _since(of, first * SECONDS_PER_DAY)
    by_shelf = shelf_figures(here.traffic, here.traced, here.sales, by=[By.PLACEMENT])
    by_day = shelf_figures(here.traffic, here.traced, here.sales, by=[By.PLACEMENT, By.DAY])
    whole = shelf_figures(here.traffic, here.traced, here.sales, by=[By.ALL])
    whole_by_day = shelf_figures(here.traffic, here.traced, here.sales, by=[By.DAY])
    shelves = [
        _shelf(by_shelf, row, _Daily.of(by_day, by_day.keys[:, 0] == key, first, days), _name(here, key))
        for row, key in enumerate(by_shelf.keys[:, 0].tolist())
    ]
    everything = np.ones(len(whole_by_day), np.bool_)
    total = _shelf(whole, 0, _Daily.of(whole_by_day, everything, first, days), "all shelves")
    sold = here.sales.row
    return View(
        days=tuple(str(np.datetime64(first + day, "D")) for day in range(days)),
        shelves=tuple(sorted(shelves, key=lambda shelf: (-shelf.revenue, -shelf.clicks, -shelf.impressions))),
        total=total,
        traces=tuple(_traces(here)),
        shop_orders=_n_orders(here, sold),
        shop_revenue=float(here.sales.amount.sum()),
        unpriced=int(np.isnan(here.traffic.amount[sold]).sum()),
    )


@dataclass(frozen=True, slots=True)
class _Daily:
    revenue: tuple[float, ...]
    clicks: tuple[int, ...]
    impressions: tuple[int, ...]

    @classmethod
    def of(cls, figures: ShelfFigures, rows: npt.NDArray[np.bool_], first: int, days: int) -> _Daily:
        """Return a value for each day, 0 where nothing happened."""
        at = figures.keys[rows, -1] - first

        def spread(values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
            return np.bincount(at, weights=values[rows], minlength=days).astype(np.float64)

        counts = (spread(column).astype(np.int64).tolist() for column in (figures.clicks, figures.impressions))
        return cls(tuple(spread(figures.revenue).tolist()), *map(tuple, counts))


def _shelf(figures: ShelfFigures, row: int, daily: _Daily, name: str) -> Shelf:
    is_there = row < len(figures)

    def value(column: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> float:
        return float(column[row]) if is_there else 0.0

    return Shelf(
        name=name,
        impressions=int(value(figures.impressions)),
        clicks=int(value(figures.clicks)),
        carts=int(value(figures.carts)),
        orders=int(value(figures.orders)),
        units=value(figures.units),
        revenue=value(figures.revenue),
        daily_revenue=daily.revenue,
        daily_clicks=daily.clicks,
        daily_impressions=daily.impressions,
    )


def _traces(here: Traced) -> Sequence[tuple[str, int, float]]:
    trace = here.traced.trace[here.sales.row]
    return [
        (words, _n_orders(here, here.sales.row[trace == kind]), float(here.sales.amount[trace == kind].sum()))
        for kind, words in TRACES.items()
    ]


def _n_orders(here: Traced, rows: npt.NDArray[np.intp]) -> int:
    return len(np.unique(here.traffic.order[rows]))


def _name(here: Traced, code: int) -> str:
    return here.placements[code] if 0 <= code < len(here.placements) else NO_PLACEMENT


def _since(of: Traced, seconds: int) -> Traced:
    """Return what happened from a moment on; what it was traced to may lie before."""
    first = int(of.traffic.time.searchsorted(seconds))
    rows = np.arange(first, len(of.traffic))
    part = Attribution(*(getattr(of.traced, name)[rows] for name in ("trace", "touch", "placement", "rank", "slate")))
    sold = of.sales.row >= first
    sales = Sales(of.sales.row[sold] - first, of.sales.quantity[sold], of.sales.amount[sold])
    return Traced(
        of.traffic.select(rows),
        part,
        sales,
        of.placements,
        of.group_of_visitor,
        of.is_whole,
        of.n_given_up,
        of.n_unreadable,
    )


def _codes(hashes: Hashes) -> tuple[Codes, int]:
    """Return dense codes for hashes, -1 for none, and how many there are."""
    known = hashes != NONE
    different, code = np.unique(hashes[known], return_inverse=True)
    codes = np.full(len(hashes), NONE, dtype=np.int32)
    codes[known] = code
    return codes, len(different)
