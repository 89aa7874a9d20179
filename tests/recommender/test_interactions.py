"""Interactions: valid if constructed, and a function of the set of rows."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.interactions import GUEST, Interactions
from tests.planted import Line, at, log_of
from tests.strategies import logs

COLUMNS = ("user", "item", "event", "quantity", "amount", "order", "time")


def columns(log: Interactions) -> dict[str, npt.NDArray[Any]]:
    """The columns by name."""
    return {name: getattr(log, name) for name in COLUMNS}


def assert_same(one: Interactions, other: Interactions) -> None:
    """Compare two logs row by row."""
    assert one.users == other.users
    assert one.items == other.items
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@given(logs(), st.randoms(use_true_random=False))
def test_order_of_the_file_does_not_matter(log: Interactions, random: Any) -> None:
    """Shuffled rows give the same interactions."""
    shuffled = list(range(len(log)))
    random.shuffle(shuffled)
    rows = np.array(shuffled, dtype=np.intp)
    again = Interactions.from_columns(
        log.users, log.items, **{name: column[rows] for name, column in columns(log).items()}
    )
    assert_same(again, log)


@given(logs(min_rows=2))
def test_constructor_refuses_another_order(log: Interactions) -> None:
    """Reversed rows are refused, unless all rows are equal."""
    backwards = {name: column[::-1] for name, column in columns(log).items()}
    if all((column[:-1] == column[1:]).all() for column in columns(log).values()):
        return
    with pytest.raises(InvalidInput, match="canonical order"):
        Interactions(log.users, log.items, **backwards)


@given(logs(), st.integers(-5, 370))
def test_between_parts_the_log(log: Interactions, day: int) -> None:
    """A moment cuts the log into two parts that lose nothing and share nothing."""
    before, after = log.between(None, at(day)), log.between(at(day), None)
    assert len(before) + len(after) == len(log)
    assert (before.time < at(day)).all()
    assert (after.time >= at(day)).all()


@given(logs())
def test_relabel_keeps_the_rows(log: Interactions) -> None:
    """Relabelled rows say the same about the same ids, and every id that is left occurs."""

    def spelled(some: Interactions) -> list[tuple[Any, ...]]:
        users = [None if user == GUEST else some.users.ids[user] for user in some.user.tolist()]
        items = [some.items.ids[item] for item in some.item.tolist()]
        return list(zip(users, items, some.order.tolist(), some.time.tolist(), strict=True))

    small = log.relabel()
    assert spelled(small) == spelled(log)
    assert set(small.items) == {log.items.ids[item] for item in log.item.tolist()}
    assert set(small.user.tolist()) - {GUEST} == set(range(len(small.users)))


def test_selections() -> None:
    """Purchases, named users, kinds of events and baskets are found; guests count as nobody."""
    log = log_of(
        [
            Line("u", "tea", order="1"),
            Line("u", "milk", order="1"),
            Line(None, "tea", order="2"),
            Line("u", "tea", event=Event.CLICK, order="3"),
            Line("u", "tea", event=Event.RETURN, order="4"),
        ]
    )
    assert len(log.purchases()) == 3
    assert len(log.of_users()) == 4
    assert len(log.select_events([Event.CLICK, Event.RETURN])) == 2
    assert log.n_orders == 4
    assert log.purchases().n_orders == 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"user": np.array([0, 0, 1], np.int32)}, "user must lie in"),
        ({"user": np.array([-2, 0, 0], np.int32)}, "user must lie in"),
        ({"item": np.array([-1, 0, 0], np.int32)}, "item must lie in"),
        ({"event": np.array([0, 0, 99], np.int8)}, "event must lie in"),
        ({"quantity": np.array([1, 0, 1], np.float32)}, "quantity must be finite and greater than 0"),
        ({"quantity": np.array([1, np.nan, 1], np.float32)}, "quantity must be finite"),
        ({"amount": np.array([0, -0.01, 1])}, "amount must be finite and at least 0"),
        ({"amount": np.array([0, np.inf, 1])}, "amount must be finite"),
        ({"order": np.array([0, 1], np.int32)}, "differ in length"),
        ({"time": np.array(["2024-01-01", "NaT", "2024-01-02"], "datetime64[s]")}, "without NaT"),
        ({"time": np.array(["2024-01-01"] * 3, "datetime64[ms]")}, r"not datetime64\[ms\]"),
    ],
)
def test_invalid_rows_are_refused(change: dict[str, Any], problem: str) -> None:
    """Every rule of a column is checked, and its message names the column."""
    log = log_of([Line("u", "i", day=day) for day in range(3)])
    with pytest.raises(InvalidInput, match=problem):
        dataclasses.replace(log, **change)


def test_tiny_logs_are_valid(tiny_log: Interactions) -> None:
    """The smallest logs survive every selection."""
    assert len(tiny_log.relabel()) == len(tiny_log)
    assert len(tiny_log.select(np.zeros(len(tiny_log), np.bool_)).relabel().users) == 0


@given(logs(), st.lists(st.sampled_from(["tea", "!", "空", "zz"]), max_size=4))
def test_with_items_changes_no_row(log: Interactions, more: list[str]) -> None:
    """Every row still names the same item; the map holds the others as well."""
    wider = log.with_items(more)
    assert set(wider.items) == {*log.items, *more}
    assert [wider.items.ids[item] for item in wider.item] == [log.items.ids[item] for item in log.item]
