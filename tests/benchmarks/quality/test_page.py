"""The page of quality shows the kept figures beside the published ones, and nobody typed ours."""

from pathlib import Path

from benchmarks.quality import page
from benchmarks.quality.__main__ import DATA
from benchmarks.quality.published import METRICS, PUBLISHED
from benchmarks.quality.scoreboard import Result, Row, write

MACHINE = {"cpu": "A CPU", "cores": 2, "memory_mb": 2048, "system": "Linux", "python": "3.11.7", "versions": {}}


def test_page_is_current() -> None:
    """docs/quality.md holds exactly what `python -m benchmarks.quality --docs` would write."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.filled(text), "run: python -m benchmarks.quality --docs"


def test_page_shows_every_data_set() -> None:
    """Each data set has its place on the page, in the order they run."""
    assert page.places(page.PAGE.read_text(encoding="utf-8")) == list(DATA)


def test_published_figures_fit_their_columns() -> None:
    """Every data set has metrics and peers, and every peer one value or a gap per metric."""
    assert set(METRICS) == set(PUBLISHED) == set(DATA)
    for data, lines in PUBLISHED.items():
        assert {len(line.values) for line in lines} == {len(METRICS[data])}


def test_tables_compare_this_run_with_the_published(tmp_path: Path) -> None:
    """Ours come first with their bounds, peers of the same run next, then the published ones; prose stays."""
    rows = (
        Row("Recall@20", 0.18, 0.1765, 0.1872),
        Row("nDCG@20", 0.14, 0.1467, 0.1557),
        Row("ALS alone: Recall@20", 0.17),
    )
    found = Result("gowalla", rows, {"als.factors": 512}, {"fit": 61.6}, ("Repeats are off.",), 7, MACHINE)
    write(found, tmp_path / "quality-gowalla.json")
    before = "# T\n<!-- scoreboard: gowalla -->\nold\n<!-- end -->\nprose\n<!-- scoreboard: tafeng -->\n<!-- end -->\n"
    after = page.filled(before, tmp_path)
    assert "| Recall@20 | 0.1800 | 0.1765 ✓ | 0.1872 ✗ |" in after
    assert "| nDCG@20 | 0.1400 | 0.1467 ✗ | 0.1557 ✗ |" in after
    assert "| **Regulars** | 0.1800 | 0.1400 | this run |\n| **ALS alone** | 0.1700 | – | this run |" in after
    assert "| SimpleX | 0.1872 | 0.1557 | BARS leaderboard |" in after
    assert "* Repeats are off." in after
    assert "Settings: `als.factors` = 512; seed 7." in after
    assert "Time: fit 62 s, on A CPU, 2 cores, 2 GiB, Linux, Python 3.11.7." in after
    assert "old" not in after
    assert (
        "prose\n<!-- scoreboard: tafeng -->\nThis engine's figures are not here: `make bench-quality DATA=tafeng`"
        in after
    )
    assert page.filled(after, tmp_path) == after
