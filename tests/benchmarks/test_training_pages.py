"""The tables about a training in README.md and docs/."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import training_pages
from tests.pages import text_of
from tests.training.report.report_examples import variety


def figure(ranker: str, purpose: str, metric: str, value: float) -> dict[str, Any]:
    """A figure with an interval of a hundredth to each side."""
    ends = {"low": value - 0.01, "high": value + 0.01}
    return {"ranker": ranker, "purpose": purpose, "metric": metric, "k": 10, "value": value, "n_users": 1234} | ends


RECORD = {
    "version": "20180101-0123456789ab",
    "steps": [{"name": "read", "seconds": 1.25, "peak_mb": 700.0}, {"name": "save", "seconds": 2.0, "peak_mb": 90.4}],
    "cleaning": {"rows_read": 1200},
    "parameters": {"als": {"factors": 8, "iterations": 3}},
    "evaluation": {
        "cut": "2017-12-01T00:00:00",
        "figures": [
            figure(ranker, purpose, metric, value)
            for ranker, value in (("regulars", 0.4), ("popularity", 0.1))
            for purpose in ("all", "new")
            for metric in ("ndcg", "recall")
        ],
    },
}


def test_steps_add_up() -> None:
    """Seconds are added, of memory the largest counts, and the log is named."""
    lines = training_pages.steps(RECORD).splitlines()
    assert lines[2:5] == ["| read | 1.2 | 700 |", "| save | 2.0 | 90 |", "| **all steps** | 3.2 | 700 |"]
    assert lines[-1].startswith("1,200 rows, `als.factors` = 8")


def test_accuracy_has_a_row_per_ranker() -> None:
    """The model first, each figure with its interval, and what was measured below."""
    lines = training_pages.accuracy(RECORD).splitlines()
    assert lines[2] == "| regulars | " + " | ".join([*["0.4000 [0.390, 0.410]"] * 4, "–", "–"]) + " |"
    assert lines[3].startswith("| popularity | 0.1000")
    assert "1,234 users for items new to the user" in lines[-1]


def test_only_the_block_is_renewed() -> None:
    """What stands around the comments stays."""
    page = "before\n<!-- steps: begin -->\nold\n<!-- steps: end -->\nafter\n"
    once = training_pages.filled(page, "steps", "new")
    assert once == "before\n<!-- steps: begin -->\nnew\n<!-- steps: end -->\nafter\n"
    assert training_pages.filled(once, "steps", "new") == once


@pytest.mark.parametrize(("page", "name"), [place[:2] for place in training_pages.PLACES])
def test_every_place_exists(page: str, name: str) -> None:
    """Each page has the comments between which its table goes."""
    assert training_pages.filled(text_of(page), name, "here") != text_of(page)


def test_variety_marks_the_dial_in_use() -> None:
    """Every dial with its change, baselines without one, and the slates as shown below."""
    record = {
        "version": "20180101-0123456789ab",
        "variety": variety().to_dict(),
        "parameters": {"slates": {"diversity": 0.2}},
    }
    lines = training_pages.variety(record).splitlines()
    assert any(line.startswith("| slates | **0.2** | ") and "-0.0100 [-0.0200, +0.0010]" in line for line in lines)
    assert sum(line.startswith("| popularity | – |") for line in lines) == 2
    assert sum(line.startswith("| slates as shown | ") for line in lines) == 2
