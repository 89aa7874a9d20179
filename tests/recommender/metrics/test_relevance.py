import numpy as np
import pytest

from recommender.errors import InvalidInput
from recommender.item_lists import ItemLists
from recommender.metrics import Relevance


def test_hits_stand_on_the_places_of_relevant_items() -> None:
    """Each place is looked up among the relevant items of its own row, and of no other."""
    rankings = ItemLists.from_rows([[5, 3, 9], [3], []])
    relevant = ItemLists.from_rows([[9, 5], [5], [3]])
    relevance = Relevance.of(rankings, relevant, k=4)
    assert relevance.hits.tolist() == [[True, False, True, False], [False] * 4, [False] * 4]
    assert relevance.n_relevant.tolist() == [2, 1, 1]


def test_items_behind_k_are_not_looked_at() -> None:
    """A hit on place three does not count at two."""
    relevance = Relevance.of(ItemLists.from_rows([[1, 2, 3]]), ItemLists.from_rows([[3]]), k=2)
    assert not relevance.hits.any()


def test_fewer_places_are_the_first_ones() -> None:
    """`at` equals measuring with that k from the start."""
    rankings, relevant = ItemLists.from_rows([[5, 3, 9]]), ItemLists.from_rows([[9, 5]])
    assert np.array_equal(Relevance.of(rankings, relevant, k=3).at(1).hits, Relevance.of(rankings, relevant, k=1).hits)


@pytest.mark.parametrize("k", [0, 4])
def test_places_that_were_not_looked_at_are_refused(k: int) -> None:
    """`at` goes from one to the k that was measured."""
    with pytest.raises(InvalidInput, match=f"1 to 3, not {k}"):
        Relevance(np.zeros((1, 3), np.bool_), np.array([1])).at(k)


def test_k_of_zero_is_refused() -> None:
    """A list of no places has no metrics."""
    with pytest.raises(InvalidInput, match="at least 1, not 0"):
        Relevance.of(ItemLists.empty(1), ItemLists.from_rows([[1]]), k=0)


@pytest.mark.parametrize(
    ("hits", "n_relevant", "message"),
    [
        ([[True]], [0], "without relevant items"),
        ([[True, True]], [1], "more hits than relevant items"),
        ([[True]], [1, 1], "do not fit together"),
        ([True], [1], "do not fit together"),
    ],
)
def test_what_cannot_be_measured_is_refused(hits: list[object], n_relevant: list[int], message: str) -> None:
    """Users without truth, impossible hits and shapes that differ are errors, not figures."""
    with pytest.raises(InvalidInput, match=message):
        Relevance(np.array(hits, dtype=np.bool_), np.array(n_relevant))
