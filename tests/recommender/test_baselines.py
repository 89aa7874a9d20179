from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.baselines import (
    BASELINES,
    rank_by_own_orders,
    rank_by_own_recent_orders,
    rank_by_popularity,
    rank_by_recent_popularity,
)
from recommender.item_lists import ItemLists
from recommender.purpose import Purpose
from tests.recommender.dated_log import DatedLine, dated_log

NOW = np.datetime64("2024-12-01")

LINES: list[DatedLine] = [
    ("ann", "old love", "2024-01-01"),
    ("ann", "old love", "2024-01-08"),
    ("ann", "old love", "2024-01-15"),
    ("ann", "new love", "2024-11-20"),
    ("ann", "fling", "2024-01-15"),
    ("ann", "fashion", "2024-01-15"),
    ("bob", "fashion", "2024-01-15"),
    ("bob", "milk", "2024-01-15"),
    ("eve", "milk", "2024-01-15"),
    (None, "milk", "2024-01-16"),
]
LOG = dated_log(LINES)


def named(lists: ItemLists, row: int = 0) -> list[str]:
    return [LOG.items.ids[item] for item in lists.row(row)]


ANN = np.array([0], dtype=np.int32)


def test_popularity_counts_distinct_buyers_and_guest_orders() -> None:
    """Three orders of one user are one buyer; ties fall to the smaller index."""
    ranked = rank_by_popularity(LOG, ANN, purpose=Purpose.ALL, k=10, now=NOW)
    assert named(ranked) == ["milk", "fashion", "fling", "new love", "old love"]


def test_recent_popularity_counts_the_last_month() -> None:
    """Ann's new love is all anybody bought lately; the rest follows by popularity."""
    ranked = rank_by_recent_popularity(LOG, ANN, purpose=Purpose.ALL, k=10, now=NOW)
    assert named(ranked) == ["new love", "milk", "fashion", "fling", "old love"]


def test_own_orders_come_first_then_popularity() -> None:
    """Own items by orders, ties by buyers, filled with what is popular and not owned."""
    ranked = rank_by_own_orders(LOG, ANN, purpose=Purpose.ALL, k=10, now=NOW)
    assert named(ranked) == ["old love", "fashion", "fling", "new love", "milk"]


def test_a_recent_order_counts_four_times() -> None:
    """Three old orders lose to one of the last ninety days."""
    ranked = rank_by_own_recent_orders(LOG, ANN, purpose=Purpose.ALL, k=2, now=NOW)
    assert named(ranked) == ["new love", "old love"]


def test_an_item_twice_in_one_order_is_bought_once() -> None:
    """Orders are counted, not lines."""
    log = dated_log(
        [("ann", "a", "2024-01-01"), ("ann", "a", "2024-01-01"), ("ann", "b", "2024-01-01"), ("bob", "b", "2024-01-02")]
    )
    ranked = rank_by_own_orders(log, ANN, purpose=Purpose.ALL, k=1, now=NOW)
    assert ranked.row(0).tolist() == [log.items.index("b")]


@pytest.mark.parametrize("name", BASELINES)
def test_new_leaves_out_what_the_user_owns(name: str) -> None:
    """For "new" only milk is left for Ann, and her list is as short as that."""
    assert named(BASELINES[name](LOG, ANN, purpose=Purpose.NEW, k=10, now=NOW)) == ["milk"]


@st.composite
def logs(draw: st.DrawFn) -> list[DatedLine]:
    line = st.tuples(
        st.sampled_from(["ann", "b/o:b", "空", None]),
        st.sampled_from([f"item {number}" for number in range(7)]),
        st.sampled_from(["2024-01-05", "2024-06-01", "2024-09-02", "2024-09-01", "2024-11-30"]),
    )
    return [("ann", "item 0", "2024-01-05"), *draw(st.lists(line, max_size=30))]


def brute_force(lines: list[DatedLine], user: str, *, purpose: Purpose, k: int, recent_weight: float) -> list[str]:
    """Rank as the module's docstring says, with dictionaries."""
    buyers = Counter(item for _, item in {(who or f"guest {day}", item) for who, item, day in lines})
    own: Counter[str] = Counter()
    for item, day in {(item, day) for who, item, day in lines if who == user}:
        own[item] += 1 + recent_weight * (NOW - np.datetime64(day) <= np.timedelta64(90, "D"))  # type: ignore[assignment]
    popular = sorted(buyers, key=lambda item: (-buyers[item], item))
    mine = sorted(own, key=lambda item: (-own[item], -buyers[item], item))
    others = [item for item in popular if item not in own]
    if purpose is Purpose.AGAIN:
        return mine[:k]
    return (others if purpose is Purpose.NEW else mine + others)[:k]


@given(lines=logs(), k=st.integers(1, 9), purpose=st.sampled_from(list(Purpose)))
def test_baselines_equal_their_definition(lines: list[DatedLine], k: int, purpose: Purpose) -> None:
    """The vectorised rankings are those of a loop over users and dictionaries."""
    log = dated_log(lines)
    users = np.arange(len(log.users), dtype=np.int32)
    for rank, recent_weight in ((rank_by_own_orders, 0.0), (rank_by_own_recent_orders, 3.0)):
        ranked = rank(log, users, purpose=purpose, k=k, now=NOW)
        for row, user in enumerate(log.users):
            expected = brute_force(lines, user, purpose=purpose, k=k, recent_weight=recent_weight)
            assert [log.items.ids[item] for item in ranked.row(row)] == expected
