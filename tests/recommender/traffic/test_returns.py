"""What was sent back was not sold."""

import math

import pytest
from hypothesis import given

from recommender.events import Event
from recommender.traffic.returns import net_sales
from tests.traffic_rows import Row, many_rows, rows_of, traffic_of

PURCHASE, RETURN = Event.PURCHASE, Event.RETURN


def settled(rows: list[Row]) -> dict[int, float]:
    """What is left of each purchase, the slow way: rows in their order, one unit after the other."""
    left: dict[int, float] = {}
    for at, row in enumerate(rows):
        if row.event == PURCHASE:
            left[at] = row.quantity
        if row.event == RETURN:
            wanted = row.quantity
            for before in sorted((place for place in left if is_of_one_owner(rows[place], row)), reverse=True):
                taken = min(wanted, left[before])
                left[before] -= taken
                wanted -= taken
    return {at: quantity for at, quantity in left.items() if quantity > 0}


def is_of_one_owner(bought: Row, returned: Row) -> bool:
    """Whether a return may take back a purchase."""
    if bought.item != returned.item or bought.visitor != returned.visitor:
        return False
    return bought.visitor >= 0 or bought.order == returned.order


@given(many_rows)
def test_returns_take_back_the_latest_purchases(rows: list[Row]) -> None:
    """Vectors and a loop agree on what is left, and money is left in proportion."""
    traffic = traffic_of(*rows)
    ordered = rows_of(traffic)
    sales = net_sales(traffic)
    assert dict(zip(sales.row.tolist(), sales.quantity.tolist(), strict=True)) == settled(ordered)
    for row, quantity, amount in zip(sales.row.tolist(), sales.quantity.tolist(), sales.amount.tolist(), strict=True):
        told = ordered[row].amount
        assert amount == pytest.approx(0 if math.isnan(told) else told * quantity / ordered[row].quantity)


def test_a_return_before_the_purchase_takes_nothing() -> None:
    """It is of a purchase that nobody recorded."""
    sales = net_sales(traffic_of(Row(event=RETURN, time=1), Row(event=PURCHASE, time=2, amount=3.0)))
    assert sales.amount.tolist() == [3.0]


def test_without_rows_there_are_no_sales() -> None:
    """An empty period is no error."""
    assert len(net_sales(traffic_of())) == 0
