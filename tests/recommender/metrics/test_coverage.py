import numpy as np

from recommender.item_lists import ItemLists
from recommender.metrics import coverage

FOUR = np.ones(4, dtype=np.bool_)


def test_coverage_counts_distinct_items_of_all_lists() -> None:
    """Two lists that share an item show three of four."""
    assert coverage(ItemLists.from_rows([[0, 1], [1, 2]]), k=2, recommendable=FOUR) == 0.75


def test_coverage_looks_at_k_places_only() -> None:
    """Items behind place k are shown to nobody."""
    assert coverage(ItemLists.from_rows([[0, 1, 2, 3]]), k=1, recommendable=FOUR) == 0.25


def test_items_that_could_not_be_recommended_do_not_count() -> None:
    """Neither above nor below the line."""
    known = np.array([True, True, False, False])
    assert coverage(ItemLists.from_rows([[0, 3]]), k=2, recommendable=known) == 0.5


def test_no_lists_and_no_catalogue_cover_nothing() -> None:
    """Nothing of nothing is zero, not a division by zero."""
    assert coverage(ItemLists.empty(3), k=5, recommendable=FOUR) == 0
    assert coverage(ItemLists.empty(3), k=5, recommendable=np.zeros(0, dtype=np.bool_)) == 0
