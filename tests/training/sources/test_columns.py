"""What the values of a column mean, whatever type the file gives them."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planted import HOSTILE_IDS
from training.sources.columns import as_ids, as_numbers


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([1095275], dtype=pl.Int32),
        pl.Series([1095275.0]),
        pl.Series(["1095275"]),
        pl.Series(["1095275.0"]),
        pl.Series([Decimal("1095275.00")]),
        pl.Series(["1095275"], dtype=pl.Categorical),
        pl.Series([b"1095275"]),
    ],
    ids=["int", "float", "text", "float text", "decimal", "categorical", "bytes"],
)
def test_one_id_whatever_its_type(column: pl.Series) -> None:
    """The same id comes out the same from integers, floats, decimals and text."""
    assert as_ids(column).to_list() == ["1095275"]


def test_leading_zeros_stay() -> None:
    """Text that looks like a number is still text."""
    assert as_ids(pl.Series(["007", "7", "1e3"])).to_list() == ["007", "7", "1e3"]


def test_float_tail_goes_only_if_all_are_whole() -> None:
    """The text 1.0 is a number among numbers, and a version among versions."""
    assert as_ids(pl.Series(["1.0", "2.0", None, "3"])).to_list() == ["1", "2", None, "3"]
    assert as_ids(pl.Series(["1.0", "1.5"])).to_list() == ["1.0", "1.5"]


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1))
def test_floats_agree_with_integers(values: list[int]) -> None:
    """A column that became floats because one id was missing still names the same ids."""
    floats = pl.Series([*map(float, values), None])
    assert as_ids(floats).to_list() == [*map(str, values), None]


def test_nothing_is_null() -> None:
    """Null, NaN, empty and blank are all nothing."""
    assert as_ids(pl.Series([None, "", "  ", "a"])).to_list() == [None, None, None, "a"]
    assert as_ids(pl.Series([float("nan"), 1.0])).to_list() == [None, "1"]


def test_hostile_ids_are_left_alone() -> None:
    """No trimming, no folding, no parsing of what a shop calls its items."""
    assert as_ids(pl.Series(HOSTILE_IDS)).to_list() == list(HOSTILE_IDS)


def test_unreadable_number_is_nan_and_missing_is_null() -> None:
    """What is not there is told apart from what is there and makes no sense."""
    numbers = as_numbers(pl.Series(["1.5", " 2 ", "two", "", None])).to_list()
    assert numbers[:2] == [1.5, 2.0]
    assert numbers[2] != numbers[2]
    assert numbers[3:] == [None, None]


def test_decimal_comma() -> None:
    """German exports write thousands with points and cents after a comma."""
    assert as_numbers(pl.Series(["1.234,50", "0,5"]), decimal_comma=True).to_list() == [1234.5, 0.5]
