"""The page of benchmarks shows the kept figures, and nobody typed them."""

from pathlib import Path

import pytest

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


@pytest.mark.parametrize("path", page.PAGES, ids=lambda path: path.name)
def test_page_is_current(path: Path) -> None:
    """A page holds exactly what `python -m benchmarks --docs` would write."""
    text = path.read_text(encoding="utf-8")
    assert text == page.filled(text), "run: python -m benchmarks --docs"


def test_pages_show_every_benchmark() -> None:
    """Each benchmark has one place, on the page of benchmarks in the order they run."""
    main, *others = ([*page.places(path.read_text(encoding="utf-8"))] for path in page.PAGES)
    elsewhere = {name for names in others for name in names}
    assert main == [name for name in NAMES if name not in elsewhere]
    assert len(elsewhere) == sum(len(names) for names in others)
    assert elsewhere <= set(NAMES)


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
