import numpy as np
import pytest
from hypothesis import given

from recommender.interactions import Interactions
from recommender.loyalty.rfm import CustomerBase, Segment
from tests.planted import Line, at, log_of
from tests.strategies import logs
from training.report import ShopFacts


def facts_of(log: Interactions) -> ShopFacts:
    return ShopFacts.from_interactions(log, CustomerBase.from_interactions(log, now=at(400)))


def test_weeks_begin_on_monday_and_none_is_left_out() -> None:
    """2024 begins on a Monday; a week without orders has none, and no repeat share."""
    log = log_of([Line("ann", "tea", day=0), Line("bob", "tea", day=6.9), Line("ann", "tea", day=14)])
    facts = facts_of(log)
    assert facts.weeks == ("2024-01-01", "2024-01-08", "2024-01-15")
    assert facts.orders == (2, 0, 1)
    assert facts.repeat_shares == (0.0, None, 1.0)


def test_a_repeat_is_the_same_user_and_item_on_a_later_order() -> None:
    """Not another user, not a second line of the same order, not a guest."""
    log = log_of(
        [
            Line("ann", "tea", day=0, order="1"),
            Line("ann", "tea", day=0, order="1", quantity=2),
            Line("ann", "milk", day=0, order="1"),
            Line("bob", "tea", day=1, order="2"),
            Line("ann", "tea", day=2, order="3"),
            Line(None, "tea", day=2, order="4"),
            Line(None, "tea", day=3, order="5"),
        ]
    )
    facts = facts_of(log)
    assert facts.repeat_share == pytest.approx(1 / 4)
    assert facts.returning_share == pytest.approx(1 / 2)
    assert facts.orders == (5,)


@given(logs())
def test_facts_add_up(log: Interactions) -> None:
    """Orders sum to the orders of the log, segments to its users; shares are shares."""
    facts = facts_of(log)
    assert sum(facts.orders) == log.purchases().n_orders
    assert sum(facts.segments.values()) == len(log.users)
    assert set(facts.segments) == {segment.label for segment in Segment}
    assert len(facts.weeks) == len(facts.orders) == len(facts.repeat_shares)
    assert all(share is None or 0 <= share <= 1 for share in (*facts.repeat_shares, facts.repeat_share))


def test_a_log_without_purchases_has_no_weeks() -> None:
    """Nothing is nothing, not an error."""
    log = log_of([Line("ann", "tea")])
    facts = facts_of(log.select(np.zeros(1, dtype=np.bool_)))
    assert (facts.weeks, facts.orders, facts.repeat_share, facts.returning_share) == ((), (), 0.0, 0.0)
