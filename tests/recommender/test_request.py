"""Requests that cannot be answered are refused where they are made."""

from typing import Any

import pytest

from recommender.errors import InvalidInput
from recommender.request import MAX_LIMIT, SlateRequest


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"limit": 0}, "limit is 0; it must be between 1 and 100"),
        ({"limit": MAX_LIMIT + 1}, "limit is 101"),
        ({"price_min": 5.0, "price_max": 4.0}, r"price_min 5\.0 is above price_max 4\.0"),
    ],
)
def test_impossible_request_is_refused(wrong: dict[str, Any], problem: str) -> None:
    """The message says which value and what would be right."""
    with pytest.raises(InvalidInput, match=problem):
        SlateRequest(**wrong)


@pytest.mark.parametrize(
    "right", [{}, {"limit": MAX_LIMIT}, {"price_min": 4.0, "price_max": 4.0}, {"price_max": 0.0}, {"price_min": 3.0}]
)
def test_possible_request_is_taken(right: dict[str, Any]) -> None:
    """Everything has a default, and the ends of the ranges are inside."""
    assert SlateRequest(**right).limit in {10, MAX_LIMIT}
