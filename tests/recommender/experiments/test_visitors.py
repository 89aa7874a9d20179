"""What a visitor did counts from the moment they entered, to the end of the period."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.experiments.visitors import NEVER, Entry, Period, Visitors, observe
from recommender.traffic.attribution import Trace, Window, attribute
from recommender.traffic.returns import net_sales
from tests.traffic_rows import DAY, Row, many_rows, rows_of, traffic_of

PERIOD = Period(DAY, 3 * DAY, prior_days=1)
GROUP = np.array([0, 1, -1], dtype=np.int8)


def observed(*rows: Row, entry: Entry = Entry.SHELF, group: npt.NDArray[np.int8] = GROUP) -> Visitors:
    """The visitors of some rows: the first in control, the second in b, the third in neither."""
    traffic = traffic_of(*rows)
    traced, sales = attribute(traffic, Window()), net_sales(traffic)
    return observe(traffic, traced, sales, group=group, groups=("control", "b"), period=PERIOD, entry=entry)


def test_one_visitor_by_hand() -> None:
    """Before entering nothing counts but what was spent; after the end nothing does."""
    found = observed(
        Row(event=Event.PURCHASE, time=DAY // 2, order=0, amount=7.0),
        Row(event=Event.PURCHASE, time=DAY + 5, order=1, amount=100.0),
        Row(event=Event.ADD_TO_CART, time=DAY + 5),
        Row(event=Event.IMPRESSION, time=DAY + 10, slate=0, placement=0, rank=1),
        Row(event=Event.CLICK, time=DAY + 11, slate=0),
        Row(event=Event.PURCHASE, time=DAY + 20, order=2, item=1, amount=3.0),
        Row(event=Event.PURCHASE, time=DAY + 20, order=2, item=2, amount=4.0),
        Row(event=Event.PURCHASE, time=2 * DAY, order=3, item=1, amount=5.0),
        Row(event=Event.PURCHASE, time=3 * DAY, order=4, item=1, amount=50.0),
    )
    assert (found.group.tolist(), found.entered.tolist()) == ([0], [DAY + 10])
    assert (found.impressions.tolist(), found.clicks.tolist(), found.carted.tolist()) == ([1], [1], [False])
    assert (found.orders.tolist(), found.revenue.tolist(), found.prior_revenue.tolist()) == ([2], [12.0], [7.0])
    assert (found.first_order.tolist(), found.second_order.tolist()) == ([DAY + 20], [2 * DAY])


@given(many_rows, st.sampled_from(Entry))
def test_columns_are_those_of_a_loop(rows: list[Row], entry: Entry) -> None:
    """Any mixture of events: every column is what a loop over the rows of each visitor finds."""
    traffic = traffic_of(*rows)
    traced, sales = attribute(traffic, Window()), net_sales(traffic)
    sold = dict(zip(sales.row.tolist(), sales.amount.tolist(), strict=True))
    ordered = rows_of(traffic)
    expected = []
    for visitor in (0, 1):
        mine = [(at, row) for at, row in enumerate(ordered) if row.visitor == visitor]
        enters = [
            row.time
            for _, row in mine
            if PERIOD.since <= row.time < PERIOD.until and (entry is Entry.ANY or row.event == Event.IMPRESSION)
        ]
        if not enters:
            continue
        inside = [(at, row) for at, row in mine if min(enters) <= row.time < PERIOD.until]
        orders: dict[int, int] = {}
        for at, row in inside:
            if at in sold:
                orders.setdefault(row.order, row.time)
        times = [*sorted(orders.values()), NEVER, NEVER]
        shown = [row.event for at, row in inside if traced.trace[at] != Trace.NONE]
        before = [sold[at] for at, row in mine if at in sold and 0 <= row.time < PERIOD.since]
        expected.append(
            (
                visitor,
                min(enters),
                shown.count(Event.IMPRESSION),
                shown.count(Event.CLICK),
                any(row.event == Event.ADD_TO_CART for _, row in inside),
                len(orders),
                pytest.approx(sum(sold[at] for at, _ in inside if at in sold)),
                times[0],
                times[1],
                pytest.approx(sum(before)),
            )
        )
    found = observed(*rows, entry=entry)
    names = ("group", "entered", "impressions", "clicks", "carted", "orders", "revenue")
    columns = [getattr(found, name).tolist() for name in (*names, "first_order", "second_order", "prior_revenue")]
    assert list(zip(*columns, strict=True)) == expected


def test_a_period_must_have_days() -> None:
    """The message says what to change."""
    with pytest.raises(InvalidInput, match="--since"):
        Period(10, 10)
