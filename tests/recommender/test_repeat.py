"""Repeat habits: rates and gaps by hand, and what shrinkage does at its ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.confidence import Confidence
from recommender.histories import Histories
from recommender.interactions import Interactions
from recommender.repeat import DEFAULT_GAP_DAYS, RepeatHabits
from tests import planted
from tests.planted import Line, at, log_of
from tests.strategies import logs

MILK_AND_TEA = log_of([
    # milk: ann buys every 10 days, three times; bob once
    *(Line("ann", "milk", day=day) for day in (0, 10, 20)),
    Line("bob", "milk", day=3),
    # tea: ann twice, 30 days apart
    Line("ann", "tea", day=0, order="tea 1"),
    Line("ann", "tea", day=30),
    # a kettle, once
    Line("bob", "kettle", day=5),
])  # fmt: skip


def habits_of(log: Interactions, category: list[int] | None = None, *, prior_weight: float = 5.0) -> RepeatHabits:
    """The habits of a log; without `category`, of a shop with one."""
    histories = Histories.from_interactions(log, Confidence(), now=at(400))
    categories = np.array(category or [0] * len(log.items), dtype=np.int32)
    return RepeatHabits.from_histories(histories, categories, prior_weight=prior_weight)


def test_rates_and_gaps_by_hand() -> None:
    """Shop: 2 repeaters of 4 buyers, 50 days over 3 repeats; one category, worth one buyer."""
    habits = habits_of(MILK_AND_TEA, prior_weight=1.0)
    rate, gap = 2 / 4, 50 / 3
    # kettle, milk, tea: (repeaters + 1 · rate) / (buyers + 1), (days + 1 · gap) / (repeats + 1)
    np.testing.assert_allclose(habits.rate, [(0 + rate) / 2, (1 + rate) / 3, (1 + rate) / 2], rtol=1e-6)
    np.testing.assert_allclose(habits.gap_days, [gap, (20 + gap) / 3, (30 + gap) / 2], rtol=1e-6)


def test_categories_stand_between_item_and_shop() -> None:
    """An item nobody bought again says what its category says; a category without repeats, what the shop says."""
    habits = habits_of(MILK_AND_TEA, [1, 0, 0], prior_weight=1.0)
    shop_rate, shop_gap = 2 / 4, 50 / 3
    hardware_rate = (0 + shop_rate) / (1 + 1)
    assert habits.rate[0] == pytest.approx((0 + hardware_rate) / (1 + 1))
    assert habits.gap_days[0] == pytest.approx(shop_gap)


def test_much_prior_is_the_shop_and_little_is_the_item() -> None:
    """The two ends of shrinkage."""
    everything = habits_of(MILK_AND_TEA, prior_weight=1e9)
    np.testing.assert_allclose(everything.rate, 2 / 4, rtol=1e-4)
    np.testing.assert_allclose(everything.gap_days, 50 / 3, rtol=1e-4)
    nothing = habits_of(MILK_AND_TEA, prior_weight=1e-9)
    np.testing.assert_allclose(nothing.rate, [0, 1 / 2, 1], atol=1e-6)
    np.testing.assert_allclose(nothing.gap_days[1:], [10, 30], rtol=1e-6)


@given(logs(), st.sampled_from([1e-6, 1.0, 5.0, 100.0]))
def test_habits_are_always_sane(log: Interactions, prior_weight: float) -> None:
    """Rates are shares, gaps are at least a day, of any log: also an empty one and one of guests."""
    habits = habits_of(log, [k % 3 for k in range(len(log.items))], prior_weight=prior_weight)
    assert len(habits.rate) == len(habits.gap_days) == len(log.items)
    assert ((habits.rate >= 0) & (habits.rate <= 1)).all()
    assert (np.isfinite(habits.gap_days) & (habits.gap_days >= 1)).all()


def test_shop_without_repeats_says_a_month() -> None:
    """Where nothing was ever bought twice, the default gap speaks."""
    assert habits_of(log_of([Line("ann", "tea")])).gap_days.tolist() == [DEFAULT_GAP_DAYS]


def test_empty_shop_has_no_habits() -> None:
    """No item, no habit, and no warning."""
    assert len(habits_of(planted.empty_log()).rate) == 0


def test_planted_rhythms_are_found() -> None:
    """Milk weekly, bread fortnightly, coffee monthly; what is never bought again has the lowest rate."""
    log = planted.rhythms()
    habits = habits_of(log, [0, 1, 2, 3])
    np.testing.assert_allclose(habits.gap_days[:3], [7, 14, 30], rtol=0.1)
    assert habits.rate.argmin() == 3


def test_own_gap_is_shrunk_to_the_items() -> None:
    """Ann's milk: 20 days over two repeats, and the item's word counts as one more; bob's is the item's."""
    habits = habits_of(MILK_AND_TEA)
    histories = Histories.from_interactions(MILK_AND_TEA, Confidence(), now=at(400))
    ann, bob = (habits.gaps_of(histories.of(user)) for user in (0, 1))
    milk = float(habits.gap_days[1])
    assert ann[0] == pytest.approx((20 + milk) / 3)
    assert bob.tolist() == [pytest.approx(float(habits.gap_days[0])), pytest.approx(milk)]
