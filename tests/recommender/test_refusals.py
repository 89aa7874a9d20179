"""What leaves with a refused item."""

import numpy as np
import pytest

from recommender.neighbours import Neighbours
from recommender.refusals import NEAREST, Refusals
from recommender.twins import Twins

WEIGHTS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.3)
"""Of the neighbours 1 to 6 of item 0."""


def company(category: list[int], twin: list[int], *, owned: tuple[int, ...] = ()) -> set[int]:
    n = len(category)
    item = np.arange(1, 1 + len(WEIGHTS), dtype=np.int32)
    indptr = np.array([0, *[len(item)] * n], dtype=np.int64)
    near = Neighbours(indptr, item, np.array(WEIGHTS, dtype=np.float32))
    found = Refusals(near, np.array(category, np.int32), Twins(np.array(twin, np.int32)))
    return set(found.leaving([0], owned=np.array(owned, np.int32)))


@pytest.mark.parametrize(
    ("category", "twin", "owned", "leaves"),
    [
        ([5] * 8, list(range(8)), (), {0, 1, 2, 3}),
        ([5, 6, 5, 6, 5, 6, 5, 5], list(range(8)), (), {0, 2, 4}),
        ([-1] * 8, list(range(8)), (), {0, 1, 2, 3}),
        ([5, 6, 6, 6, 6, 6, 6, 5], [0, 1, 2, 3, 4, 5, 6, 0], (), {0, 7}),
        ([5] * 8, list(range(8)), (0, 2), {0, 1, 3}),
        ([5, 6, 6, 6, 6, 6, 6, 5], [0, 1, 2, 3, 4, 5, 6, 0], (0, 7), {0, 7}),
    ],
    ids=["the nearest", "of its category", "no categories", "its title", "not what is owned", "its title if owned"],
)
def test_company_is_small_and_close(
    category: list[int], twin: list[int], owned: tuple[int, ...], leaves: set[int]
) -> None:
    """The item, its title, and at most three close ones of its category; what is owned stays, its title excepted."""
    assert company(category, twin, owned=owned) == leaves
    assert len(leaves) <= 1 + NEAREST + 1


def test_an_item_without_neighbours_leaves_alone() -> None:
    """Nothing is near what nobody bought."""
    none = np.empty(0, np.int32)
    near = Neighbours(np.zeros(4, np.int64), none, none.astype(np.float32))
    refusals = Refusals(near, np.zeros(3, np.int32), Twins(np.arange(3, dtype=np.int32)))
    assert refusals.leaving([1], owned=none) == {1}
