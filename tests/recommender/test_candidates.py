"""Candidates: lists without padding and without repeats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.candidates import NO_ANCHOR, Candidates, ReasonCode, Source
from recommender.errors import InvalidInput

item_lists = st.lists(st.integers(0, 20), unique=True, max_size=8)


def listed(items: list[int], source: Source = Source.POPULAR) -> Candidates:
    """Candidates in the order of `items`."""
    scores = np.linspace(1, 0, len(items))
    return Candidates.of(np.array(items, np.int32), scores, source=source, reason=ReasonCode.POPULAR)


@given(item_lists, item_lists)
def test_then_fills_up(mine: list[int], others: list[int]) -> None:
    """The first list stays as it is; the second adds only what is new, in its own order."""
    both = listed(mine, Source.PERSONAL).then(listed(others))
    new = [item for item in others if item not in mine]
    assert both.item.tolist() == mine + new
    assert both.source.tolist() == [Source.PERSONAL] * len(mine) + [Source.POPULAR] * len(new)


@given(item_lists)
def test_select_keeps_columns_together(items: list[int]) -> None:
    """Masks, positions and slices all take whole rows, in their order."""
    candidates = listed(items)
    even = candidates.item % 2 == 0
    assert candidates.select(even).item.tolist() == [item for item in items if item % 2 == 0]
    backwards = candidates.select(np.arange(len(items))[::-1])
    assert backwards.item.tolist() == items[::-1]
    np.testing.assert_array_equal(backwards.score, candidates.score[::-1])
    assert candidates.select(slice(0, 2)).item.tolist() == items[:2]


def test_of_broadcasts_reasons() -> None:
    """One reason and anchor for all, or one each."""
    shared = listed([3, 1])
    assert shared.anchor.tolist() == [NO_ANCHOR, NO_ANCHOR]
    own = Candidates.of(
        np.array([3, 1]),
        np.array([1.0, 0.5]),
        source=Source.PERSONAL,
        reason=np.array([ReasonCode.BUY_AGAIN, ReasonCode.BECAUSE_YOU_BOUGHT], np.uint8),
        anchor=np.array([3, 7], np.int32),
    )
    assert own.reason.tolist() == [3, 4]
    assert own.anchor.tolist() == [3, 7]


def test_empty() -> None:
    """No candidates is a list of length zero."""
    assert len(Candidates.empty()) == 0
    assert len(Candidates.empty().then(listed([1]))) == 1


@pytest.mark.parametrize(
    ("items", "scores", "problem"),
    [([1, 1], [1, 0.5], "occurs twice"), ([1, 2], [np.nan, 1], "finite"), ([1, 2], [1], "differ in length")],
)
def test_invalid_lists_are_refused(items: list[int], scores: list[float], problem: str) -> None:
    """Repeats, scores that are no numbers and ragged columns are refused."""
    with pytest.raises(InvalidInput, match=problem):
        Candidates.of(np.array(items), np.array(scores), source=Source.POPULAR, reason=ReasonCode.POPULAR)


def test_numbers_are_a_wire_format() -> None:
    """Stores hold these numbers: a failure here means published lists are read wrongly."""
    assert [source.label for source in sorted(Source)] == [
        "personal",
        "folded_in",
        "buy_again",
        "bought_together",
        "similar",
        "trending",
        "popular_in_category",
        "popular",
    ]
    assert [reason.label for reason in sorted(ReasonCode)] == [
        "popular",
        "popular_in_category",
        "trending",
        "buy_again",
        "because_you_bought",
        "bought_together",
        "similar_to",
        "favourite_category",
    ]
    assert sorted(Source) == list(range(8))
    assert sorted(ReasonCode) == list(range(8))
