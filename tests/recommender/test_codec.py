"""The codec: taken apart and put together, a dataclass is what it was; nothing else is accepted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.codec import flatten, unflatten
from recommender.errors import InvalidArtifact
from recommender.events import Event


@dataclass(frozen=True)
class Inner:
    """Words and a number."""

    words: tuple[str, ...]
    weight: float


@dataclass(frozen=True, eq=False)
class Outer:
    """One field of every kind."""

    column: npt.NDArray[np.int32]
    inner: Inner
    at: np.datetime64
    weights: Mapping[Event, float]
    count: int
    derived: int = field(init=False, default=3)


def outer(**changes: Any) -> Outer:
    """An example."""
    fields = {
        "column": np.arange(3, dtype=np.int32),
        "inner": Inner(("tea", "空", ""), 0.5),
        "at": np.datetime64("2024-02-29T12:00:00", "s"),
        "weights": {Event.ADD_TO_CART: 0.3},
        "count": 7,
    }
    return Outer(**{**fields, **changes})


words = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5).map(tuple)


@given(words, st.floats(allow_nan=False), st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_apart_and_together_is_the_same(texts: tuple[str, ...], weight: float, column: list[int]) -> None:
    """Through JSON too: infinities, empty texts and empty columns survive."""
    thing = outer(inner=Inner(texts, weight), column=np.array(column, dtype=np.int32))
    arrays, values = flatten(thing)
    again = unflatten(Outer, arrays, json.loads(json.dumps(values, allow_nan=False)))
    assert again.inner == thing.inner
    assert again.column.tolist() == column
    assert (again.at, again.weights, again.count) == (thing.at, thing.weights, thing.count)


def test_names_are_dotted_and_events_are_spelt() -> None:
    """What lies on disk can be read by a person."""
    arrays, values = flatten(outer())
    assert sorted(arrays) == ["column", "inner.words.data", "inner.words.offsets"]
    assert values == {
        "inner.weight": 0.5,
        "at": "2024-02-29T12:00:00",
        "weights": {"add_to_cart": 0.3},
        "count": 7,
    }


@pytest.mark.parametrize("missing", ["column", "inner.words.data", "inner.weight", "weights"])
def test_missing_part_is_named(missing: str) -> None:
    """An artifact of an older program says what it lacks."""
    arrays, values = flatten(outer())
    arrays.pop(missing, None)
    values.pop(missing, None)
    with pytest.raises(InvalidArtifact, match=f"has no '{missing}'"):
        unflatten(Outer, arrays, values)


def test_array_of_another_type_is_refused_both_ways() -> None:
    """What could be written but not read is not written; what does not fit is not read."""
    with pytest.raises(InvalidArtifact, match="column holds int64, not int32"):
        flatten(outer(column=np.arange(3)))
    arrays, values = flatten(outer())
    with pytest.raises(InvalidArtifact, match="column holds float32, not int32"):
        unflatten(Outer, {**arrays, "column": np.zeros(3, dtype=np.float32)}, values)


def test_layout_does_not_matter() -> None:
    """A strided view is stored like the array it shows."""
    arrays, _ = flatten(outer(column=np.arange(6, dtype=np.int32)[::2]))
    assert arrays["column"].tolist() == [0, 2, 4]
    assert arrays["column"].flags.c_contiguous
