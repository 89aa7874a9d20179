"""Diversity, freshness and exposure: answers worked out by hand, and laws that hold for any lists."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.item_lists import ItemLists
from recommender.metrics import (
    Relevance,
    category_diversity,
    exposure_gini,
    freshness,
    item_age,
    relevance_by_title,
    repeated_categories,
    something_new,
    vector_diversity,
)

CATEGORY = np.array([0, 0, 0, 1, -1, -1], dtype=np.int32)
"""Three items of one category, one of another, two of none that is known."""
VECTORS = np.array([[1, 0], [3, 0], [0, 2], [-1, 0], [0, 0], [1, 1]], dtype=np.float32)
AGE = np.array([0.0, 30.0, 31.0, 90.0, np.inf, 5.0])
ALL = np.ones(6, dtype=np.bool_)

rows = st.lists(st.lists(st.integers(0, 5), unique=True, max_size=6), min_size=1, max_size=6)


def by_pairs(lists: list[list[int]], k: int, distance: npt.NDArray[np.float64]) -> list[float]:
    """The mean distance over the pairs of each list, one pair at a time."""
    pairs = [list(itertools.combinations(row[:k], 2)) for row in lists]
    return [float(np.mean([distance[i, j] for i, j in found])) if found else 0.0 for found in pairs]


def test_category_diversity_by_hand() -> None:
    """Of three pairs one is equal; unknown categories differ from everything, each other included."""
    lists = ItemLists.from_rows([[0, 1, 3], [0, 1, 2], [4, 5], [0], []])
    assert category_diversity(lists, k=3, category=CATEGORY).tolist() == pytest.approx([2 / 3, 0, 1, 0, 0])


def test_vector_diversity_by_hand() -> None:
    """Parallel 0, orthogonal 1, opposite 2, whatever the lengths; a zero vector is orthogonal to all."""
    lists = ItemLists.from_rows([[0, 1], [0, 2], [0, 3], [0, 4], [0, 5], [2]])
    expected = [0, 1, 2, 1, 1 - np.sqrt(0.5), 0]
    assert vector_diversity(lists, k=2, vectors=VECTORS).tolist() == pytest.approx(expected)


@given(rows, st.integers(1, 6))
def test_diversity_is_the_mean_over_pairs(lists: list[list[int]], k: int) -> None:
    """The closed forms equal the definition, one pair after the other."""
    known = CATEGORY[:, None] >= 0
    differs = 1.0 - ((CATEGORY[:, None] == CATEGORY) & known)
    length = np.maximum(np.linalg.norm(VECTORS, axis=1), 1e-12)
    apart = 1.0 - VECTORS @ VECTORS.T / length[:, None] / length
    ranked = ItemLists.from_rows(lists)
    assert category_diversity(ranked, k=k, category=CATEGORY).tolist() == pytest.approx(by_pairs(lists, k, differs))
    assert vector_diversity(ranked, k=k, vectors=VECTORS).tolist() == pytest.approx(
        by_pairs(lists, k, apart.astype(np.float64)), abs=1e-6
    )


@given(rows)
def test_order_within_the_list_does_not_matter(lists: list[list[int]]) -> None:
    """Diversity, repeats and age are properties of what is shown, not of its order."""
    straight, turned = (ItemLists.from_rows(found) for found in (lists, [row[::-1] for row in lists]))
    pairs = [
        [category_diversity(found, k=6, category=CATEGORY) for found in (straight, turned)],
        [vector_diversity(found, k=6, vectors=VECTORS) for found in (straight, turned)],
        [repeated_categories(found, k=6, category=CATEGORY) for found in (straight, turned)],
        [item_age(found, k=6, age_days=AGE) for found in (straight, turned)],
    ]
    for one, other in pairs:
        assert one.tolist() == pytest.approx(other.tolist())


def test_repeated_categories_by_hand() -> None:
    """A category on three places repeats twice; the unknown one never does."""
    lists = ItemLists.from_rows([[0, 3, 1, 2], [4, 5], [3], []])
    assert repeated_categories(lists, k=4, category=CATEGORY).tolist() == [2, 0, 0, 0]
    assert repeated_categories(lists, k=3, category=CATEGORY).tolist() == [1, 0, 0, 0]


def test_freshness_by_hand() -> None:
    """Thirty days are still fresh, thirty-one are not, and what never sold is not fresh either."""
    lists = ItemLists.from_rows([[0, 1], [1, 2], [4], [2, 0], []])
    assert freshness(lists, k=2, age_days=AGE).tolist() == [1, 0.5, 0, 0.5, 0]
    assert freshness(lists, k=1, age_days=AGE).tolist() == [1, 1, 0, 0, 0]
    assert freshness(lists, k=2, age_days=AGE, within_days=31).tolist() == [1, 1, 0, 1, 0]


def test_age_leaves_out_what_never_sold() -> None:
    """An infinite age is no age."""
    lists = ItemLists.from_rows([[1, 3], [1, 4], [4], []])
    assert item_age(lists, k=2, age_days=AGE).tolist() == [60, 30, 0, 0]


@pytest.mark.parametrize(
    ("shown", "recommendable", "expected"),
    [
        ([[0, 1, 2, 3, 4, 5]], ALL, 0),
        ([[0], [0], [0]], ALL, 5 / 6),
        ([[0, 1], [0]], ALL[:2], 1 / 6),
        ([[0], [5]], np.array([True, True, False, False, False, False]), 0.5),
        ([[], []], ALL, 0),
        ([[0]], np.zeros(6, dtype=np.bool_), 0),
    ],
    ids=["all alike", "one takes all", "two to one", "others do not count", "nothing shown", "nothing to show"],
)
def test_gini_by_hand(shown: list[list[int]], recommendable: npt.NDArray[np.bool_], expected: float) -> None:
    """The mean difference between two items' exposure, as a share of twice the mean exposure."""
    assert exposure_gini(ItemLists.from_rows(shown), k=6, recommendable=recommendable) == pytest.approx(expected)


@given(rows)
def test_gini_is_the_mean_difference(lists: list[list[int]]) -> None:
    """G = Σ_ij |x_i − x_j| / (2 n² mean), and stays between 0 and 1."""
    counts = np.bincount([item for row in lists for item in row], minlength=6)
    gini = exposure_gini(ItemLists.from_rows(lists), k=6, recommendable=ALL)
    assert 0 <= gini < 1
    if counts.sum():
        assert gini == pytest.approx(np.abs(counts[:, None] - counts).sum() / (2 * 6 * counts.sum()))


def test_something_new_by_hand() -> None:
    """One unowned item among the first k is enough; an empty list has none."""
    lists = ItemLists.from_rows([[0, 1], [0, 2], []])
    owned = ItemLists.from_rows([[1, 0], [0], []])
    assert something_new(lists, k=2, owned=owned).tolist() == [0, 1, 0]
    assert something_new(lists, k=1, owned=owned).tolist() == [0, 0, 0]


@given(rows, st.integers(1, 6))
def test_hits_by_title_without_twins_are_hits_by_id(lists: list[list[int]], k: int) -> None:
    """Where every title is its own, nothing changes."""
    ranked, bought = ItemLists.from_rows(lists), ItemLists.from_rows([[0, 3, 5]] * len(lists))
    by_title = relevance_by_title(ranked, bought, k=k, twin=np.arange(6, dtype=np.int32))
    by_id = Relevance.of(ranked, bought, k=k)
    assert by_title.hits.tolist() == by_id.hits.tolist()
    assert by_title.n_relevant.tolist() == by_id.n_relevant.tolist()


def test_hits_by_title_by_hand() -> None:
    """The twin of what was bought is a hit, once; two bought twins are one thing."""
    twin = np.array([0, 0, 1, 2, 2, 3], dtype=np.int32)
    found = relevance_by_title(
        ItemLists.from_rows([[1, 0, 2], [3, 5, 4]]), ItemLists.from_rows([[0, 2], [3, 4]]), k=3, twin=twin
    )
    assert found.hits.tolist() == [[True, False, True], [True, False, False]]
    assert found.n_relevant.tolist() == [2, 1]
