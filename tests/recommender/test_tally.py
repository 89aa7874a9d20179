"""A tally is a column of sums without its zeros."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.ranking import top_k
from recommender.tally import Tally, among, distinct, places

sizes = st.sampled_from([1, 5, 40, 5000])
"""So that votes are few and many beside what they are for."""


@given(st.integers(0, 2**32), sizes, st.integers(0, 60), st.integers(0, 12), st.booleans())
def test_equals_the_whole_column(seed: int, n: int, votes: int, k: int, scaled: bool) -> None:
    """Sums, look-ups and the best are those of a full column, to the last bit, ties by index."""
    rng = np.random.default_rng(seed)
    item, vote = rng.integers(0, n, votes).astype(np.int32), rng.choice([0.0, 0.1, 0.2, 0.7], votes)
    scale = rng.random(n) if scaled else None
    column = np.bincount(item, vote, n) * (1.0 if scale is None else scale)
    column = column.astype(np.float32)
    tally = Tally.of(item, vote, n=n, scale=scale)
    assert (np.diff(tally.item) > 0).all()
    assert (tally.value > 0).all()
    np.testing.assert_array_equal(tally.at(np.arange(n)), column)
    barred = rng.integers(0, n, 4)
    rest = np.where(np.isin(np.arange(n), barred), 0, column)
    expected = top_k(rest, k, keep=rest > 0)
    found = tally.without(barred).best(k)
    assert found.item.tolist() == expected.item.tolist()
    assert found.score.tolist() == expected.score.tolist()


@given(st.integers(0, 2**32), sizes, st.integers(0, 60))
def test_look_ups_equal_their_definition(seed: int, n: int, asked: int) -> None:
    """Membership and places, whichever way is shorter."""
    rng = np.random.default_rng(seed)
    listed = rng.permutation(n)[: rng.integers(0, 12)].astype(np.int32)
    item = rng.integers(0, n, asked).astype(np.int32)
    order = listed.tolist()
    assert places(item, listed, n=n).tolist() == [order.index(i) if i in order else -1 for i in item.tolist()]
    assert among(item, listed).tolist() == [i in order for i in item.tolist()]
    assert distinct(item).tolist() == sorted(set(item.tolist()))


@pytest.mark.parametrize("n", [3, 1000])
def test_nothing_said(n: int) -> None:
    """Without votes there is nothing to find."""
    tally = Tally.of(np.empty(0, np.int32), np.empty(0), n=n)
    assert not len(tally)
    assert not len(tally.best(5))
    assert tally.at(np.array([0, 2])).tolist() == [0, 0]
