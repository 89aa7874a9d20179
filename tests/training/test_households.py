"""Whom the demo shows, and what it says of them."""

import pytest

from recommender.loyalty.rfm import Segment
from regulars.household_view import described, headline
from tests.models import hostile_model, shop_model, tiny_model
from training.households import households


def test_households_differ() -> None:
    """Up to three different users, the same ones each time."""
    model = shop_model()
    chosen = households(model, now=model.as_of)
    assert 1 <= len({household.user_id for household in chosen}) == len(chosen) <= 3
    assert chosen == households(model, now=model.as_of)


def test_latest_purchases_come_first() -> None:
    """Purchases are ordered by how long ago they were, and counted in orders."""
    model = shop_model()
    for household in households(model, now=model.as_of, purchases=50):
        days = [purchase.days_ago for purchase in household.lately]
        assert days == sorted(days)
        assert min(purchase.orders for purchase in household.lately) >= 1
        assert min(days) == household.recency_days


@pytest.mark.parametrize("name", ["one row", "one user", "one item", "one day"])
def test_smallest_shops(name: str) -> None:
    """A shop with a single customer shows that one."""
    model = tiny_model(name)
    chosen = households(model, now=model.as_of)
    assert chosen
    assert all(household.lately for household in chosen)


def test_hostile_ids_are_text() -> None:
    """Ids appear as they are."""
    model = hostile_model()
    for household in households(model, now=model.as_of):
        assert household.user_id in headline(household).plain


@pytest.mark.parametrize("segment", Segment)
def test_every_segment_can_be_said(segment: Segment) -> None:
    """Each segment has words for one person."""
    assert described(segment)
