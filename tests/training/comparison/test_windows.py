"""May two versions be compared user by user?"""

import dataclasses
from typing import Any

import numpy as np
import pytest

from recommender.item_lists import ItemLists
from recommender.purpose import Purpose
from tests.measurements import measured_of, outcomes_of
from training.comparison.windows import item_places, mismatch, renumbered, why_unpaired

VALUES = {Purpose.ALL: {"regulars": [0.5, 0.25, 0.0]}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cut": "2024-05-01T00:00:00"}, "the test windows differ: one begins on 2024-06-01, the other on 2024-05-01"),
        ({"end": "2024-07-01T00:00:00"}, "one log ends at 2024-06-30T12:00:00, the other at 2024-07-01T00:00:00"),
        ({"k": 20}, "the lists differ in length: 10 and 20 items"),
        ({"users": ("user-0000", "user-0001", "zoe")},
         "the data differ: 3 users were measured in one and 3 in the other"),
        ({"items": tuple(f"other-{at}" for at in range(10))},
         "what users bought in the test window is not the same"),
    ],
    ids=["cut", "end", "k", "users", "answers"],
)  # fmt: skip
def test_what_differs_is_said(changes: dict[str, Any], reason: str) -> None:
    """The sentence names what differs, and both values."""
    found = mismatch(outcomes_of(VALUES), outcomes_of(VALUES, **changes))
    assert found is not None
    assert reason in found


def test_the_same_window_is_the_same() -> None:
    """Other figures on the same users and purchases may be subtracted."""
    assert mismatch(outcomes_of(VALUES), outcomes_of({Purpose.ALL: {"regulars": [1.0, 1.0, 1.0]}})) is None


def test_items_are_the_same_by_their_id() -> None:
    """A version that numbers the items otherwise, since it knows one more, has the same answers."""
    a = outcomes_of(VALUES)
    window = dataclasses.replace(
        a.window, items=("first", *a.window.items), purchases=np.concatenate([[1], a.window.purchases])
    )
    shifted = renumbered(a.by_purpose[Purpose.ALL].relevant, np.arange(1, 11))
    found = dataclasses.replace(a.by_purpose[Purpose.ALL], relevant=shifted, shown=shifted)
    b = dataclasses.replace(a, window=window, by_purpose={Purpose.ALL: found})
    assert mismatch(a, b) is None
    assert mismatch(b, a) is None
    assert item_places(a, b).tolist() == [10, *range(10)]


def test_no_purpose_in_common() -> None:
    """Nothing can be compared if one measured all items and the other new ones."""
    a = outcomes_of(VALUES)
    b = dataclasses.replace(a, by_purpose={Purpose.NEW: a.by_purpose[Purpose.ALL]})
    assert mismatch(a, b) == "no purpose was measured in both"


def test_a_version_without_outcomes_is_named() -> None:
    """The reason says which version lacks them, and why."""
    a = measured_of(VALUES)
    b = dataclasses.replace(a, version="20240101-bbbbbbbbbbbb", outcomes=None, problem="the file is gone")
    assert why_unpaired(a, b) == "20240101-bbbbbbbbbbbb has no figures by user: the file is gone"
    assert why_unpaired(a, a) is None


def test_renumbering_keeps_rows() -> None:
    """Lists keep their order and their lengths."""
    lists = renumbered(ItemLists.from_rows([[1, 0], [], [2]]), np.array([5, 3, 4]))
    assert [lists.row(at).tolist() for at in range(3)] == [[3, 5], [], [4]]
