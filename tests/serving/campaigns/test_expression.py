"""Conditions about customers: what they mean, and how they are refused."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.loyalty.rfm import Segment
from serving.campaigns.expression import FIELDS, MAX_LENGTH, NUMBERS, Mask, parse

NAN = float("nan")


class Four:
    """Four customers."""

    def number(self, field: str) -> npt.NDArray[np.float64]:
        return np.array([1.0, 2.0, 30.0, NAN])

    def segment(self) -> npt.NDArray[np.uint8]:
        return np.array([Segment.NEW, Segment.AT_RISK, Segment.LOST, Segment.PROSPECT], dtype=np.uint8)

    def bought(self, category: str) -> Mask:
        return np.array([category == "Tea", category == "Coffee, ground", category == "Kids'", category == '"12"'])


def who(text: str) -> list[int]:
    """The places of those who fit."""
    return np.flatnonzero(parse(text).mask(Four())).tolist()


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("recency_days < 2", [0]),
        ("recency_days <= 2", [0, 1]),
        ("recency_days>=2", [1, 2]),
        ("recency_days = 30", [2]),
        ("recency_days == 30.0", [2]),
        ("recency_days != 30", [0, 1]),
        ("recency_days in (1, 30)", [0, 2]),
        ("days_to_next_order > -1.5", [0, 1, 2]),
        ("not recency_days > 1", [0, 3]),
        ('segment = "at risk"', [1]),
        ("segment = At_Risk", [1]),
        ("segment != new", [1, 2, 3]),
        ("segment in ('at risk', lost)", [1, 2]),
        ("segment not in (new, lost)", [1, 3]),
        ("bought_category = Tea", [0]),
        ('bought_category in (Tea, "Coffee, ground")', [0, 1]),
        ("""bought_category = "Kids'\"""", [2]),
        ("""bought_category = '"12"'""", [3]),
        ("segment = new or segment = lost and recency_days < 2", [0]),
        ("(segment = new or segment = lost) and recency_days > 2", [2]),
        ("NOT (segment = new OR segment = lost)", [1, 3]),
    ],
)
def test_meaning(text: str, fitting: list[int]) -> None:
    """And binds closer than or, not closer than both; what is not known fits no comparison."""
    assert who(text) == fitting


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 1, "a condition is missing"),
        ("recency < 3", 1, "'recency' is no field; there are segment, recency_days"),
        ("recency_days < lots", 16, "recency_days is compared with a number, not with 'lots'"),
        ("recency_days <", 15, "not with 'nothing'"),
        ("recency_days < 3 segment = new", 18, "'segment' is not expected here"),
        ('segment = "lapsd"', 11, "'lapsd' is no segment; known are prospect"),
        ("segment > new", 9, "it can be = or != something"),
        ("segment = 3", 11, "segment is compared with a name"),
        ("segment in new", 12, "'(' is missing"),
        ("segment in (new", 16, "')' is missing"),
        ("(segment = new", 15, "')' is missing"),
        ('segment = "new', 11, "a quotation mark is not closed"),
        ("alive > 0.5; drop", 12, "';' means nothing here"),
        ("__import__('os')", 1, "'__import__' is no field"),
        ("alive > 1e9", 9, "'1' means nothing here"),
        ("alive not > 1", 11, "after alive stands one of"),
        (f"{'(' * 40}alive > 1{')' * 40}", 32, "more than 30 conditions inside each other"),
        ("alive > 1 or " * 200 + "alive > 2", MAX_LENGTH, "longer than 2,000 characters"),
    ],
)
def test_refusals_point_at_the_column(text: str, column: int, said: str) -> None:
    """What cannot be understood is refused with the column, and a mark below it."""
    with pytest.raises(InvalidInput) as refusal:
        parse(text)
    message = str(refusal.value)
    assert message.startswith(f"column {column}: ")
    assert said in message
    shown, mark = message.splitlines()[-2:]
    assert mark.strip() == "^"
    assert len(shown) <= 90


@given(st.text(max_size=60))
def test_whatever_is_written_is_understood_or_refused(text: str) -> None:
    """No text raises anything but a refusal."""
    try:
        found = parse(text)
    except InvalidInput:
        return
    assert found.mask(Four()).shape == (4,)


_SIMPLE = st.one_of(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(NUMBERS),
        st.sampled_from(["<", ">=", "!="]),
        st.integers(-40, 40),
    ),
    st.builds("segment = {}".format, st.sampled_from(["new", "lost", '"at risk"'])),
)


@given(
    st.recursive(_SIMPLE, lambda inner: st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner))
)
def test_sound_conditions_are_understood(text: str) -> None:
    """Every condition that the grammar makes is understood, and its opposite fits everybody else."""
    mask = parse(text).mask(Four())
    assert (parse(f"not ({text})").mask(Four()) == ~mask).all()


def test_every_field_is_understood() -> None:
    """Every field that errors name can be compared with something."""
    for field in FIELDS:
        parse(f"{field} = {'new' if field == 'segment' else '1' if field in NUMBERS else 'Tea'}")
