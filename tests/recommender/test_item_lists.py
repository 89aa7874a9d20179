import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.item_lists import ItemLists

rows_of_items = st.lists(st.lists(st.integers(0, 9), unique=True, max_size=6), max_size=6)


def as_rows(lists: ItemLists) -> list[list[int]]:
    return [lists.row(row).tolist() for row in range(len(lists))]


@given(rows_of_items)
def test_rows_come_back_as_they_went_in(rows: list[list[int]]) -> None:
    """Order and length of every row are kept; nothing is padded."""
    lists = ItemLists.from_rows(rows)
    assert as_rows(lists) == rows
    assert lists.lengths.tolist() == [len(row) for row in rows]


@given(rows_of_items, st.integers(0, 7))
def test_top_cuts_every_row(rows: list[list[int]], k: int) -> None:
    """The first k items of each row, or all of a shorter one."""
    assert as_rows(ItemLists.from_rows(rows).top(k)) == [row[:k] for row in rows]


@given(st.data())
def test_without_is_a_set_difference_that_keeps_the_order(data: st.DataObject) -> None:
    """Items are compared within their row only."""
    mine = data.draw(rows_of_items)
    theirs = data.draw(st.lists(st.lists(st.integers(0, 12), unique=True), min_size=len(mine), max_size=len(mine)))
    left = ItemLists.from_rows(mine).without(ItemLists.from_rows(theirs))
    assert as_rows(left) == [[i for i in row if i not in other] for row, other in zip(mine, theirs, strict=True)]


@given(rows_of_items, st.data())
def test_select_takes_whole_rows(rows: list[list[int]], data: st.DataObject) -> None:
    """Chosen rows stay in order."""
    chosen = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    selected = ItemLists.from_rows(rows).select(np.array(chosen, dtype=np.bool_))
    assert as_rows(selected) == [row for row, taken in zip(rows, chosen, strict=True) if taken]


def test_pairs_are_gathered_by_row() -> None:
    """Pairs of one row keep their order, rows without pairs are empty."""
    lists = ItemLists.from_pairs(np.array([2, 0, 2]), np.array([8, 1, 3]), n_rows=4)
    assert as_rows(lists) == [[1], [], [8, 3], []]


def test_an_item_listed_twice_is_refused_by_name() -> None:
    """Counting one item as two hits would make every metric a lie."""
    with pytest.raises(InvalidInput, match="row 1 names item 4 twice"):
        ItemLists.from_rows([[4, 2], [4, 3, 4]])


@pytest.mark.parametrize(
    ("indptr", "item", "message"),
    [
        ([], [], "run from 0"),
        ([0, 1], [], "run from 0"),
        ([0, 2, 1], [5], "must not decrease"),
        ([0, 1], [-1], "at least 0, found -1"),
    ],
)
def test_arrays_that_are_no_lists_are_refused(indptr: list[int], item: list[int], message: str) -> None:
    """Broken offsets and negative indices never become lists."""
    with pytest.raises(InvalidInput, match=message):
        ItemLists(np.array(indptr, dtype=np.int64), np.array(item, dtype=np.int32))


def test_lists_of_different_users_are_not_compared() -> None:
    """Rows only mean the same user if there are equally many."""
    with pytest.raises(InvalidInput, match="1 and of 2 rows"):
        ItemLists.empty(1).found_in(ItemLists.empty(2))
