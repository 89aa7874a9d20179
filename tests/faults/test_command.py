"""The command tries what it is asked for, keeps the figures of the rest, and the page shows them."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import results
from benchmarks.faults import __main__ as command
from benchmarks.faults import page
from benchmarks.faults.texts import TEXTS
from benchmarks.results import Results, Row, Skipped, at_most, figure

MACHINE = {"cpu": "A CPU", "cores": 2, "memory_mb": 2048, "system": "Linux", "python": "3.11.7", "versions": {}}


class Tried:
    """A fault with a known outcome."""

    def __init__(self, name: str, *rows: Row, skipped: bool = False) -> None:
        self.FAULT = name
        self._rows = list(rows)
        self._skipped = skipped

    def measure(self, *, quick: bool) -> list[Row]:
        if self._skipped:
            raise Skipped("no such disk")
        return self._rows


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Tried]:
    """Three faults instead of the real ones, whose figures go elsewhere."""
    tried = {
        "a": Tried("fire", figure("burnt", 0, "", goal=at_most(0)), figure("smoke", 3, "m")),
        "b": Tried("flood", figure("drowned", 2, "", goal=at_most(0))),
        "c": Tried("quake", skipped=True),
    }
    monkeypatch.setattr(command, "NAMES", tuple(tried))
    monkeypatch.setattr(command, "fault_of", tried.__getitem__)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(results, "QUICK_FOLDER", tmp_path / "quick")
    monkeypatch.delenv("QUICK", raising=False)
    return tried


def test_verdicts_and_figures(faults: dict[str, Tried], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken goal is exit status 1, a fault that cannot be tried is not, and each row says what it is about."""
    assert command.main(["a", "c"]) == 0
    assert command.main([]) == 1
    printed = capsys.readouterr().out
    assert "skipped: no such disk" in printed
    assert "1 of its goals broken" in printed
    kept = Results.from_json((tmp_path / "faults.json").read_text(encoding="utf-8"))
    assert [row.row for row in kept.rows] == ["fire → burnt", "fire → smoke", "flood → drowned"]


def test_figures_of_others_stay(faults: dict[str, Tried], tmp_path: Path) -> None:
    """Trying one fault again renews its figures alone; short forms are kept apart."""
    console = Console(quiet=True)
    for name in ("b", "a"):
        command.run(name, quick=False, console=console)
    faults["b"]._rows = [figure("drowned", 0, "", goal=at_most(0))]
    assert command.run("b", quick=False, console=console)
    assert not (tmp_path / "quick").exists()
    assert command.run("b", quick=True, console=console)
    rows = Results.from_json((tmp_path / "faults.json").read_text(encoding="utf-8")).rows
    assert [(row.row, row.holds) for row in rows if row.holds is not None] == [
        ("fire → burnt", True),
        ("flood → drowned", True),
    ]
    assert len(Results.from_json((tmp_path / "quick" / "faults.json").read_text(encoding="utf-8")).rows) == 1


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names those there are."""
    with pytest.raises(SystemExit):
        command.main(["meteor"])
    assert "there are redis_killed" in capsys.readouterr().err


def test_every_module_is_a_fault() -> None:
    """Each name is a module that says what breaks, and no two say the same."""
    titles = [command.fault_of(name).FAULT for name in command.NAMES]
    assert len(set(titles)) == len(titles)
    assert all(page.BETWEEN not in title for title in titles)
    assert titles == list(TEXTS), "benchmarks/faults/texts.py explains each fault, in their order"


def test_the_page_shows_the_figures() -> None:
    """A verdict line for each fault with what is broken, and its figures below."""
    rows = (
        page.named("fire", figure("burnt", 0, "", goal=at_most(0))),
        page.named("fire", figure("smoke", 3, "m")),
        page.named("flood", figure("drowned", 2, "", goal=at_most(0))),
    )
    before = "# T\n<!-- faults: begin -->\nold\n<!-- faults: end -->\nprose\n"
    after = page.filled(before, Results(MACHINE, rows))
    assert "| fire | 1 of 1 |  |\n| flood | 0 of 1 | drowned |" in after
    assert "### fire\n\n| what | value | goal |\n|---|--:|---|\n| burnt | 0 | ≤ 0 ✓ |\n| smoke | 3 m |  |" in after
    assert "| Redis absent at start | – | no figures of a full run |" in after
    assert "old" not in after
    assert after.endswith("<!-- faults: end -->\nprose\n")
    assert page.filled(before, None) == before


def test_page_is_current() -> None:
    """docs/faults.md holds exactly what `python -m benchmarks.faults --docs` would write."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.filled(text, results.load(page.NAME)), "run: python -m benchmarks.faults --docs"
