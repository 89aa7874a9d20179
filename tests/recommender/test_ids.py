"""Ids: the same set gives the same map, and nothing enters that would corrupt a key."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.ids import MAX_ID_BYTES, IdMap, id_problem
from tests.planted import HOSTILE_IDS
from tests.strategies import ids


@given(st.lists(ids), st.randoms(use_true_random=False))
def test_map_is_a_function_of_the_set(values: list[str], random: st.DataObject) -> None:
    """Order and repeats of the values do not matter."""
    shuffled = values + values[:3]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert IdMap.from_values(shuffled) == IdMap.from_values(values)
    assert hash(IdMap.from_values(shuffled)) == hash(IdMap.from_values(values))


@given(st.sets(ids))
def test_index_is_position(values: set[str]) -> None:
    """Indices run from zero in the order of the ids, and lead back to them."""
    id_map = IdMap.from_values(values)
    assert [id_map.index(value) for value in id_map] == list(range(len(values)))
    assert {id_map.ids[id_map.index(value)] for value in values} == values


@given(st.sets(ids), st.lists(ids))
def test_known_leaves_out_strangers(values: set[str], asked: list[str]) -> None:
    """`known` keeps the order of the question and drops what it does not know."""
    id_map = IdMap.from_values(values)
    expected = [id_map.index(value) for value in asked if value in id_map]
    assert id_map.known(asked).tolist() == expected
    assert id_map.known(asked).dtype == np.int32


def test_hostile_ids_are_kept_as_they_are() -> None:
    """Ids are neither trimmed, nor folded, nor parsed."""
    id_map = IdMap.from_values(HOSTILE_IDS)
    assert set(id_map) == set(HOSTILE_IDS)
    assert id_map.get("padded") is None
    assert id_map.get("7") is None


def test_unknown_id() -> None:
    """`index` raises where `get` answers None."""
    id_map = IdMap.from_values(["tea"])
    assert id_map.get("milk") is None
    assert "milk" not in id_map
    with pytest.raises(KeyError):
        id_map.index("milk")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "empty"),
        ("a\nb", "control character"),
        ("a\x00", "control character"),
        ("\x7f", "control character"),
        ("\x85", "control character"),
        ("\ud800", "not valid Unicode"),
        ("x" * (MAX_ID_BYTES + 1), "513 bytes"),
        ("空" * 171, "513 bytes"),
    ],
)
def test_invalid_ids_are_named(value: str, problem: str) -> None:
    """What cannot be an id is refused with its reason."""
    assert problem in (id_problem(value) or "")
    with pytest.raises(InvalidInput, match=problem):
        IdMap.from_values([value])


@pytest.mark.parametrize("values", [("b", "a"), ("a", "a")])
def test_constructor_requires_order(values: tuple[str, ...]) -> None:
    """The constructor trusts nobody to have sorted."""
    with pytest.raises(InvalidInput, match="sorted and unique"):
        IdMap(values)


def test_control_characters_are_unicodes() -> None:
    """The expression that cleaning searches with finds exactly what Unicode calls a control character."""
    refused = {chr(code) for code in range(0xD800) if id_problem(chr(code)) == "it holds a control character"}
    assert refused == {chr(code) for code in range(0xD800) if unicodedata.category(chr(code)) == "Cc"}
