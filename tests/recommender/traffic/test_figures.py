"""Traffic added up by placement, position and day."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.events import Event
from recommender.traffic.attribution import Trace, Window, attribute
from recommender.traffic.figures import By, ShelfFigures, shelf_figures
from recommender.traffic.returns import net_sales
from tests.traffic_rows import DAY, Row, many_rows, traffic_of

WINDOW = Window(click_days=2.0, view_days=1.0)


def figures(*rows: Row, by: tuple[By, ...]) -> ShelfFigures:
    """The figures of some rows."""
    traffic = traffic_of(*rows)
    return shelf_figures(traffic, attribute(traffic, WINDOW), net_sales(traffic), by=by)


def test_a_small_shop() -> None:
    """Two placements, one order from both, one return: computed by hand."""
    found = figures(
        Row(event=Event.IMPRESSION, slate=0, placement=0, rank=1, item=0),
        Row(event=Event.IMPRESSION, slate=0, placement=0, rank=2, item=1),
        Row(event=Event.IMPRESSION, time=DAY, slate=1, placement=1, rank=1, item=2),
        Row(event=Event.CLICK, time=5, slate=0, item=0),
        Row(event=Event.ADD_TO_CART, time=6, item=0),
        Row(event=Event.PURCHASE, time=DAY + 5, item=0, order=3, quantity=2, amount=10.0),
        Row(event=Event.PURCHASE, time=DAY + 5, item=2, order=3, amount=4.0),
        Row(event=Event.PURCHASE, time=DAY + 5, item=9, order=3, amount=99.0),
        Row(event=Event.RETURN, time=DAY + 9, item=0, order=3),
        by=(By.PLACEMENT,),
    )
    assert found.keys.tolist() == [[0], [1]]
    assert found.impressions.tolist() == [2, 1]
    assert found.clicks.tolist() == [1, 0]
    assert found.carts.tolist() == [1, 0]
    assert found.orders.tolist() == [1, 1]
    assert found.units.tolist() == [1.0, 1.0]
    assert found.revenue.tolist() == [5.0, 4.0]


@given(many_rows, st.permutations(list(By)), st.integers(1, 4))
def test_sums_are_those_of_a_loop(rows: list[Row], order: list[By], length: int) -> None:
    """By any keys, groups are in order and hold what a loop over the rows finds."""
    by = tuple(order[:length])
    traffic = traffic_of(*rows)
    traced, sales = attribute(traffic, WINDOW), net_sales(traffic)
    found = shelf_figures(traffic, traced, sales, by=by)

    def key(row: int) -> tuple[int, ...]:
        values = {
            By.PLACEMENT: traced.placement[row],
            By.RANK: traced.rank[row],
            By.DAY: traffic.time[row] // DAY,
            By.TRACE: traced.trace[row],
            By.ALL: 0,
        }
        return tuple(int(values[name]) for name in by)

    on_shelves = np.flatnonzero(traced.trace != Trace.NONE).tolist()
    counts: dict[Event, Counter[tuple[int, ...]]] = defaultdict(Counter)
    for row in on_shelves:
        counts[Event(int(traffic.event[row]))][key(row)] += 1
    revenue: dict[tuple[int, ...], float] = defaultdict(float)
    orders: dict[tuple[int, ...], set[Any]] = defaultdict(set)
    for row, amount in zip(sales.row.tolist(), sales.amount.tolist(), strict=True):
        if row in on_shelves:
            revenue[key(row)] += amount
            orders[key(row)].add(int(traffic.order[row]))
    keys = [tuple(values) for values in found.keys.tolist()]
    assert keys == sorted(keys)
    assert found.impressions.tolist() == [counts[Event.IMPRESSION][at] for at in keys]
    assert found.clicks.tolist() == [counts[Event.CLICK][at] for at in keys]
    assert found.carts.tolist() == [counts[Event.ADD_TO_CART][at] for at in keys]
    assert found.orders.tolist() == [len(orders[at]) for at in keys]
    assert found.revenue.tolist() == pytest.approx([revenue[at] for at in keys])


def test_nothing_happened() -> None:
    """No rows, no groups."""
    assert len(figures(by=(By.PLACEMENT, By.DAY))) == 0
