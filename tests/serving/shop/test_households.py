"""Whom one may shop as."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from serving.shop.households import Household, read_households


def test_households_are_read_anew_each_time(tmp_path: Path) -> None:
    """The sign-in page follows the file without a restart, and does without it."""
    file = tmp_path / "households.json"
    assert read_households(file) == ()
    file.write_text('[{"user_id": "家:1"}]', encoding="utf-8")
    (household,) = read_households(file)
    assert household == Household(user_id="家:1")
    assert household.name == "Household 家:1"


def test_a_broken_households_file_says_what_to_do(tmp_path: Path) -> None:
    """The message names the file and the remedy."""
    file = tmp_path / "households.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"households\.json: not a list of households .*regulars demo"):
        read_households(file)
