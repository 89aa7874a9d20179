"""The page of benchmarks shows the kept figures, and nobody typed them."""

from pathlib import Path

from benchmarks import page
from benchmarks.__main__ import NAMES
from benchmarks.results import Results, at_most, figure, save

MACHINE = {
    "cpu": "A CPU",
    "cores": 2,
    "memory_mb": 2048,
    "system": "Linux x86_64",
    "python": "3.11.7",
    "versions": {"numpy": "2.4.6"},
}


def test_page_is_current() -> None:
    """docs/benchmarks.md holds exactly what `python -m benchmarks --docs` would write."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.filled(text), "run: python -m benchmarks --docs"


def test_page_shows_every_benchmark() -> None:
    """Each benchmark has its place on the page, in the order they run."""
    assert page.places(page.PAGE.read_text(encoding="utf-8")) == list(NAMES)


def test_tables_replace_what_stood_there(tmp_path: Path) -> None:
    """A renewed page holds the new figures, not the old ones, and keeps the prose around them."""
    save("cli_start", Results(MACHINE, (figure("help", 95.0, "ms", goal=at_most(300), peer="python"),)), tmp_path)
    before = "# Title\n<!-- figures: cli_start -->\nold\n<!-- end -->\nprose\n<!-- figures: other -->\n<!-- end -->\n"
    after = page.filled(before, tmp_path)
    assert "| help | 95 ms | ≤ 300 ✓ | python |" in after
    assert "Measured on A CPU, 2 cores, 2 GiB, Linux x86_64, Python 3.11.7 (numpy 2.4.6)." in after
    assert "old" not in after
    assert after.startswith("# Title\n")
    assert f"prose\n<!-- figures: other -->\n{page.NOT_MEASURED}\n<!-- end -->\n" in after
    assert page.filled(after, tmp_path) == after
