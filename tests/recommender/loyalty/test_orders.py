"""Orders and their summary: what of a log loyalty is read from."""

import numpy as np
from hypothesis import given

from recommender.events import Event
from recommender.interactions import Interactions
from recommender.loyalty.orders import Orders
from recommender.loyalty.summary import Summary
from tests.planted import Line, at, log_of
from tests.strategies import logs


def test_by_hand() -> None:
    """Two lines are one order, two orders on one day one order day; looks and guests are none."""
    log = log_of(
        [
            Line("ann", "tea", day=0, amount=4.0),
            Line("ann", "milk", day=0, amount=1.0),
            Line("ann", "tea", day=10.2, amount=2.0),
            Line("ann", "tea", day=10.7, amount=3.0),
            Line("bob", "tea", day=30, amount=7.0),
            Line("eve", "tea", day=30, event=Event.CLICK),
            Line(None, "tea", day=30),
        ]
    )
    orders = Orders.from_interactions(log)
    assert orders.user.tolist() == [0, 0, 0, 1]
    assert orders.amount.tolist() == [5, 2, 3, 7]
    assert orders.by_day().amount.tolist() == [5, 5, 7]
    past = Summary.from_orders(orders, now=at(41))
    assert (past.n_users, past.user.tolist()) == (3, [0, 1])
    assert (past.repeats.tolist(), past.last.tolist(), past.age.tolist()) == ([1, 0], [10, 0], [40, 10])
    np.testing.assert_allclose(past.log_gaps, [np.log(10), 0])
    assert past.mean_money.tolist() == [5, 7]
    assert past.today == at(40).astype("datetime64[D]")
    assert past.spread(past.mean_money).tolist()[:2] == [5, 7]


@given(logs())
def test_nothing_is_lost(log: Interactions) -> None:
    """Money and orders of all users are those of the log; a summary fits into its own time."""
    rows = log.purchases().of_users()
    orders = Orders.from_interactions(log)
    np.testing.assert_allclose(orders.spent().sum(), rows.amount.sum())
    assert len(orders) == len({(u, o) for u, o in zip(rows.user.tolist(), rows.order.tolist(), strict=True)})
    np.testing.assert_allclose(orders.by_day().spent(), orders.spent())
    past = Summary.from_orders(orders, now=at(400))
    assert (past.repeats >= 0).all()
    assert (past.last >= past.repeats).all()
    assert (past.age >= past.last).all()


@given(logs())
def test_parts_are_the_whole(log: Interactions) -> None:
    """Before and from a moment together are all orders."""
    orders = Orders.from_interactions(log)
    parts = [orders.between(None, at(50)), orders.between(at(50), None)]
    assert sum(len(part) for part in parts) == len(orders)
