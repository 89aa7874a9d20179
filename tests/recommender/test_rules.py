"""Rules keep or drop, each item by itself; spreading reorders, and drops nothing."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recommender.rules import Among, NotAmong, Only, PriceBetween, Rule, keep_all, leading, occurrence, spread

categories = hnp.arrays(np.int32, st.integers(0, 30), elements=st.integers(0, 4))
PRICE = np.array([1.0, 2.5, np.nan, 10.0, 0.0])


def items(*indices: int) -> npt.NDArray[np.int32]:
    """Item indices."""
    return np.array(indices, dtype=np.int32)


@given(categories, st.none() | st.integers(0, 6))
def test_spread_is_a_permutation(category: npt.NDArray[np.int32], cap: int | None) -> None:
    """Whatever the cap, everybody is still there."""
    assert sorted(spread(category, cap=cap).tolist()) == list(range(len(category)))


@given(categories, st.integers(1, 6))
def test_spread_puts_at_most_cap_of_each_first(category: npt.NDArray[np.int32], cap: int) -> None:
    """The best `cap` of each category keep their order, then the surplus keeps its own."""
    seen: dict[int, int] = {}
    first: list[int] = []
    surplus: list[int] = []
    for position, value in enumerate(category.tolist()):
        seen[value] = seen.get(value, 0) + 1
        (first if seen[value] <= cap else surplus).append(position)
    assert spread(category, cap=cap).tolist() == first + surplus


def test_unknown_category_is_no_category() -> None:
    """Items without a category do not crowd each other out."""
    assert spread(items(-1, -1, -1, 4, 4, 4), cap=2).tolist() == [0, 1, 2, 3, 4, 5]
    assert spread(items(4, 4, 4, -1, -1, -1), cap=2).tolist() == [0, 1, 3, 4, 5, 2]


def test_one_of_each_title_leads() -> None:
    """The later twin goes to the end and takes no place of its category; without twins nothing changes."""
    category, twin = items(7, 7, 7, 7, 2), items(0, 0, 1, 2, 3)
    assert leading(category, cap=2, twin=twin).tolist() == [True, False, True, False, True]
    assert spread(category, cap=2, twin=twin).tolist() == [0, 2, 4, 1, 3]
    assert spread(category, cap=None, twin=twin).tolist() == [0, 2, 3, 4, 1]
    assert spread(category, cap=2, twin=items(0, 1, 2, 3, 4)).tolist() == spread(category, cap=2).tolist()


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 4)), max_size=30), st.none() | st.integers(1, 4))
def test_what_leads_is_varied(pairs: list[tuple[int, int]], cap: int | None) -> None:
    """No twin twice and no known category beyond its cap; whoever does not lead would break one of the two."""
    category, twin = items(*(pair[0] for pair in pairs)), items(*(pair[1] for pair in pairs))
    seen: set[int] = set()
    taken: dict[int, int] = {}
    for front, group, title in zip(
        leading(category, cap=cap, twin=twin), category.tolist(), twin.tolist(), strict=True
    ):
        full = group >= 0 and cap is not None and taken.get(group, 0) >= cap
        assert front == (title not in seen and not full)
        taken[group] = taken.get(group, 0) + bool(front)
        seen.add(title)


@given(categories)
def test_occurrence_counts_what_stands_before(category: npt.NDArray[np.int32]) -> None:
    """The k-th of its kind has k before it."""
    values = category.tolist()
    assert occurrence(category).tolist() == [values[:k].count(value) for k, value in enumerate(values)]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (NotAmong(items()), [True] * 5),
        (NotAmong(items(3, 0, 3)), [False, True, True, False, True]),
        (Only(PRICE > 1), [False, True, False, True, False]),
        (PriceBetween(PRICE, None, None), [True, True, False, True, True]),
        (PriceBetween(PRICE, 1.0, 2.5), [True, True, False, False, False]),
        (PriceBetween(PRICE, None, 0.0), [False, False, False, False, True]),
        (PriceBetween(PRICE, 2.5, None), [False, True, False, True, False]),
    ],
)
def test_rules_by_hand(rule: Rule, kept: list[bool]) -> None:
    """Bounds are inclusive, and an unknown price is in no range."""
    assert rule.keep(items(0, 1, 2, 3, 4)).tolist() == kept


@given(st.permutations(range(5)), st.floats(0, 10), st.floats(0, 10), st.sets(st.integers(0, 4)))
def test_rules_look_at_each_item_alone(order: list[int], low: float, high: float, barred: set[int]) -> None:
    """Permuted candidates are judged as before: a rule cannot depend on rank, and cannot reorder."""
    rules = (NotAmong(items(*barred)), PriceBetween(PRICE, low, high), Only(PRICE < 5))
    together = keep_all(rules, items(*order)).tolist()
    assert together == [bool(keep_all(rules, items(item))[0]) for item in order]


def test_no_rule_keeps_everything() -> None:
    """And nothing is kept of nothing."""
    assert keep_all((), items(4, 1)).tolist() == [True, True]
    assert keep_all((NotAmong(items(1)),), items()).tolist() == []


def test_among_keeps_the_wanted_attributes() -> None:
    """Items of two of three categories; with none wanted, nothing is kept."""
    category = np.array([4, 7, 4, 9], dtype=np.int32)
    items = np.array([3, 2, 1], dtype=np.int32)
    assert Among(category, np.array([4, 9])).keep(items).tolist() == [True, True, False]
    assert not Among(category, np.empty(0, np.int64)).keep(items).any()
