"""Text columns: what goes in comes out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.text import TextColumn

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"])))


@given(texts)
def test_strings_survive(strings: list[str]) -> None:
    """Iterating and indexing both give the strings back, from either end."""
    column = TextColumn.from_strings(strings)
    assert list(column) == strings
    assert [column[index] for index in range(len(column))] == strings
    assert [column[index] for index in range(-len(column), 0)] == strings


@given(texts, st.slices(8))
def test_slices_are_those_of_a_list(strings: list[str], part: slice) -> None:
    """A slice of the column is the slice of the list."""
    assert TextColumn.from_strings(strings)[part] == strings[part]


@pytest.mark.parametrize("position", [2, -3])
def test_outside(position: int) -> None:
    """A position outside the column is an error, not an empty string."""
    with pytest.raises(IndexError, match="outside a column of 2"):
        TextColumn.from_strings(["a", "b"])[position]


def test_lone_surrogate_does_not_stop_training() -> None:
    """A broken character from a JSON file becomes a question mark."""
    assert TextColumn.from_strings(["tea \ud83d"])[0] == "tea ?"


@pytest.mark.parametrize(
    ("offsets", "problem"),
    [([], "from 0"), ([1, 3], "from 0"), ([0, 2], "number of bytes"), ([0, 3, 1, 3], "must not decrease")],
)
def test_broken_offsets_are_refused(offsets: list[int], problem: str) -> None:
    """Offsets that do not partition the bytes are refused."""
    with pytest.raises(InvalidInput, match=problem):
        TextColumn(np.array(offsets, dtype=np.int64), np.zeros(3, dtype=np.uint8))
