"""For whom, and with what."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from recommender.interactions import SECONDS_PER_DAY
from tests.measurements import CUT, window_of
from training.comparison.groups import NEW_DAYS, Band, Breakdown, new_users, popularity_bands, user_groups

CUT_SECONDS = int(np.datetime64(CUT, "s").astype(np.int64))


def test_bands_by_hand() -> None:
    """Of ten purchases the first five are the head's, the next three the middle's; ties go by index."""
    assert popularity_bands(np.array([1, 6, 0, 2, 1])).tolist() == [
        Band.TAIL,
        Band.HEAD,
        Band.TAIL,
        Band.MIDDLE,
        Band.TAIL,
    ]
    assert popularity_bands(np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 1])).tolist() == [0] * 5 + [1] * 3 + [2] * 2
    assert popularity_bands(np.zeros(3, dtype=np.int64)).tolist() == [Band.TAIL] * 3


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40))
def test_bands_follow_popularity(purchases: list[int]) -> None:
    """An item never stands in a better band than one that was bought more, and the head holds half of all."""
    counts = np.array(purchases, dtype=np.int64)
    band = popularity_bands(counts)
    assert (np.diff(counts[np.argsort(band, kind="stable")]) <= 0).all() or all(
        counts[band == better].min(initial=10**9) >= counts[band == worse].max(initial=0)
        for better, worse in ((0, 1), (1, 2), (0, 2))
        if (band == better).any()
    )
    assert 2 * counts[band == Band.HEAD].sum() >= counts.sum()


def test_new_users_by_hand() -> None:
    """New is who came within thirty days, or placed at most two orders however long ago."""
    days_before = np.array([NEW_DAYS, NEW_DAYS + 1, 300, 300])
    window = window_of(
        4, orders=np.array([9, 9, 2, 3]), first_order=CUT_SECONDS - days_before.astype(np.int64) * SECONDS_PER_DAY
    )
    assert new_users(window).tolist() == [True, False, True, False]


def test_groups_partition_users() -> None:
    """Everybody is in one decile and of one age."""
    window = window_of(25, orders=np.arange(25))
    groups = list(user_groups(window))
    for breakdown in (Breakdown.VALUE, Breakdown.AGE, Breakdown.EVERYBODY):
        members = [group.member for group in groups if group.breakdown is breakdown]
        assert np.sum(members, axis=0).tolist() == [1] * 25
