"""Traffic added up: what each placement, position or day was shown, clicked and bought from.

Impressions count on the day they were seen, clicks on the day of the click, orders and money on the day of the order.
An order with items from two placements is an order of both, and one order of the whole.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.events import Event
from recommender.traffic.attribution import SECONDS_PER_DAY, Attribution, Trace
from recommender.traffic.columns import Rows, Traffic
from recommender.traffic.returns import Sales


class By(enum.StrEnum):
    """What traffic is broken down by."""

    PLACEMENT = "placement"
    RANK = "rank"
    DAY = "day"
    TRACE = "trace"
    ALL = "all"
    """One group of everything; its key is 0."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ShelfFigures:
    """g groups, in ascending order of their keys."""

    by: tuple[By, ...]
    keys: npt.NDArray[np.int64]
    """(g, len(by)) codes of placements, ranks, days since 1970, or traces."""
    impressions: npt.NDArray[np.int64]
    """(g,) places of slates that were seen."""
    clicks: npt.NDArray[np.int64]
    """(g,)"""
    carts: npt.NDArray[np.int64]
    """(g,) items put into the cart."""
    orders: npt.NDArray[np.int64]
    """(g,) orders with at least one item that is traced to the group."""
    units: npt.NDArray[np.float64]
    """(g,)"""
    revenue: npt.NDArray[np.float64]
    """(g,) money for those items, returns taken off."""

    def __len__(self) -> int:
        return len(self.keys)


def shelf_figures(traffic: Traffic, traced: Attribution, sales: Sales, *, by: Sequence[By]) -> ShelfFigures:
    """Add up everything that belongs to a shelf."""
    parts = [_traced(traffic, traced, event) for event in (Event.IMPRESSION, Event.CLICK, Event.ADD_TO_CART)]
    is_sold = traced.trace[sales.row] != Trace.NONE
    parts.append(sold := sales.row[is_sold])
    keys, group = _grouped([_column(traffic, traced, name)[np.concatenate(parts)] for name in by])
    n = len(keys)
    *counted, of_sale = np.split(group, np.cumsum([len(part) for part in parts])[:-1])
    seen, clicked, carted = (np.bincount(part, minlength=n) for part in counted)
    orders = np.unique((of_sale << 32) + traffic.order[sold] + 1) >> 32
    return ShelfFigures(
        by=tuple(by),
        keys=keys,
        impressions=seen,
        clicks=clicked,
        carts=carted,
        orders=np.bincount(orders, minlength=n),
        units=_added_up(of_sale, sales.quantity[is_sold], n),
        revenue=_added_up(of_sale, sales.amount[is_sold], n),
    )


def _added_up(group: npt.NDArray[np.int64], values: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
    # Without any row, numpy counts in whole numbers, weights or not.
    return np.bincount(group, weights=values, minlength=n).astype(np.float64)


def _traced(traffic: Traffic, traced: Attribution, event: Event) -> Rows:
    rows = traffic.rows(event)
    placed: Rows = rows[traced.trace[rows] != Trace.NONE]
    return placed


def _column(traffic: Traffic, traced: Attribution, name: By) -> npt.NDArray[np.int64]:
    match name:
        case By.PLACEMENT:
            return traced.placement.astype(np.int64)
        case By.RANK:
            return traced.rank.astype(np.int64)
        case By.DAY:
            return traffic.time // SECONDS_PER_DAY
        case By.TRACE:
            return traced.trace.astype(np.int64)
        case By.ALL:
            return np.zeros(len(traffic), dtype=np.int64)


def _grouped(columns: Sequence[npt.NDArray[np.int64]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (g, len(columns)) the different rows, ascending, and (n,) which of them each row is."""
    packed = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
        # One number for a row: rows of many columns sort far more slowly.
        packed = packed * (high - low + 1) + (column - low)
    _, first, group = np.unique(packed, return_index=True, return_inverse=True)
    return np.stack([column[first] for column in columns], axis=1), group.astype(np.int64)
