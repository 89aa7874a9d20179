"""Movement, cohorts and concentration: counted by hand, and nobody lost on the way."""

import numpy as np
import pytest
from hypothesis import given

from recommender.interactions import Interactions
from recommender.loyalty.concentration import Concentration
from recommender.loyalty.movement import Cohorts, Movement, whole_months
from recommender.loyalty.orders import Orders
from recommender.loyalty.rfm import CustomerBase, Segment
from tests.planted import Line, at, log_of
from tests.strategies import logs


def orders_of(lines: list[Line]) -> Orders:
    """Orders of hand-written lines."""
    return Orders.from_interactions(log_of(lines))


ORDERS = orders_of(
    [
        *(Line("ann", "tea", day=day, amount=10.0) for day in (2, 9, 35, 65)),
        Line("bob", "tea", day=5, amount=10.0),
        *(Line("eve", "tea", day=day, amount=5.0) for day in (40, 70)),
        Line("joe", "tea", day=93, amount=1.0),
    ]
)
"""January, February and March 2024 end on days 30, 59 and 90; joe comes in April, which the log does not see whole."""


def test_cohorts_by_hand() -> None:
    """Two came in January, of whom one came back in both months after; one came in February and came back."""
    cohorts = Cohorts.of(ORDERS, now=at(94))
    assert cohorts is not None
    assert cohorts.months == ("2024-01", "2024-02", "2024-03")
    assert cohorts.sizes == (2, 1, 0)
    assert cohorts.active == ((2, 1, 1), (1, 1), (0,))


def test_months_of_movement_are_trainings_of_that_day() -> None:
    """The segments at a month's end are those of the log cut there, and every user moves from one to one."""
    movement = Movement.of(ORDERS, now=at(94))
    assert movement is not None
    assert movement.months == ("2024-01", "2024-02", "2024-03")
    end = at(60)
    february = CustomerBase.from_orders(ORDERS.between(None, end), now=end).segment
    assert movement.sizes[1] == tuple(np.bincount(february, minlength=len(Segment)))
    assert sum(sum(row) for row in movement.moves) == 4 * 2


def test_a_month_that_is_not_over_is_left_out() -> None:
    """A log that ends on the last day of a month has seen it, one that ends before has not."""
    assert [str(month) for month in whole_months(ORDERS, now=at(90.9))] == ["2024-01", "2024-02", "2024-03"]
    assert [str(month) for month in whole_months(ORDERS, now=at(89.5))] == ["2024-01", "2024-02"]
    assert Movement.of(ORDERS, now=at(40)) is None
    assert Cohorts.of(ORDERS, now=at(40)) is None


@given(logs())
def test_nobody_is_lost(log: Interactions) -> None:
    """Every month has all users, and moves count every pair of months."""
    movement = Movement.of(Orders.from_interactions(log), now=at(366))
    if movement is not None:
        assert {sum(sizes) for sizes in movement.sizes} == {len(log.users)}
        assert sum(sum(row) for row in movement.moves) == len(log.users) * (len(movement.months) - 1)


def test_concentration_by_hand() -> None:
    """One of five customers who brings half of the revenue is the best fifth; all alike lie on the straight line."""
    uneven = Concentration.of(np.array([4.0, 1.0, 1.0, 1.0, 1.0]))
    assert uneven is not None
    assert uneven.best_fifth == pytest.approx(0.5)
    alike = Concentration.of(np.full(10, 3.0))
    assert alike is not None
    assert alike.gini == pytest.approx(0)
    assert alike.best_fifth == pytest.approx(0.2)
    np.testing.assert_allclose(alike.revenue, alike.customers, atol=1e-6)
    assert Concentration.of(np.zeros(4)) is None
