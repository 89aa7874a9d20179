import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.item_lists import ItemLists
from recommender.metrics import novelty

BUYERS = np.array([15, 7, 3, 0])
"""Of fifteen users: shares of 1, 1/2, 1/4 and 1/16."""


def test_novelty_is_the_mean_number_of_bits() -> None:
    """Each halving of the buyers is one bit; an empty list has none."""
    lists = ItemLists.from_rows([[0], [1], [1, 2], [3], []])
    assert novelty(lists, k=2, buyers=BUYERS, n_users=15).tolist() == pytest.approx([0, 1, 1.5, 4, 0])


def test_novelty_looks_at_k_places_only() -> None:
    """What stands behind place k does not count."""
    lists = ItemLists.from_rows([[1, 3]])
    assert novelty(lists, k=1, buyers=BUYERS, n_users=15).tolist() == pytest.approx([1])


@given(st.lists(st.permutations(range(4)).map(lambda row: row[:3]), min_size=1, max_size=6))
def test_novelty_is_finite_and_not_negative(rows: list[list[int]]) -> None:
    """Even an item nobody bought has a finite novelty."""
    values = novelty(ItemLists.from_rows(rows), k=3, buyers=BUYERS, n_users=15)
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert (values <= np.log2(16)).all()
