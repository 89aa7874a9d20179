"""The scoreboard in one table: our kept figures, the best of the others, and nothing typed."""

from pathlib import Path

import pytest

from benchmarks.quality import summary
from benchmarks.quality.scoreboard import Result, Row, write

MACHINE = {"cpu": "A CPU", "cores": 2, "memory_mb": 2048, "system": "Linux", "python": "3.11.7", "versions": {}}


@pytest.mark.parametrize("page", summary.PAGES, ids=lambda page: page.name)
def test_pages_are_current(page: Path) -> None:
    """README and docs/quality.md hold exactly what `python -m benchmarks.quality --docs` would write."""
    text = page.read_text(encoding="utf-8")
    assert text == summary.filled(text), "run: python -m benchmarks.quality --docs"
    assert text.count("| Regulars | best of the others |") == 1


def test_best_of_the_others_is_named_and_the_winner_is_bold(tmp_path: Path) -> None:
    """Only rows with a bound are shown; where somebody else is ahead, their figure is bold."""
    ours = (Row("Recall@20", 0.19, 0.1765), Row("nDCG@20", 0.15, 0.1467))
    rows = (*ours, Row("ALS alone: Recall@20", 0.195), Row("a stronger rule: nDCG@20", 0.16))
    write(Result("gowalla", rows, {}, {}, (), 7, MACHINE), tmp_path / "quality-gowalla.json")
    assert summary.table(tmp_path).splitlines()[2:] == [
        "| Gowalla, places | Recall@20 | **0.1900** | 0.1872 | SimpleX |",
        "|  | nDCG@20 | 0.1500 | **0.1600** | a stronger rule |",
    ]
