"""What a quality benchmark found, as rows: printed as a table, kept as JSON, shown in the docs.

::

    {"data", "rows": [{"row", "value", "floor", "goal", "holds"}, ...],
     "settings", "seconds", "seed", "notes", "machine"}

A row is one figure. Its `floor` is what it must exceed, its `goal` what is aimed for; both were written down before
measuring. What Regulars reached is called by the metric alone ("R@10"); a figure measured beside it in the same
run names its ranker first ("popularity: R@10") and has no floor.

Nothing is refused here: a row that does not hold is written and shown as such.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from recommender.errors import RecommenderError

FOLDER = Path(__file__).parents[1] / "results"
"""Where the figures of full runs are kept, in git."""
QUICK_FOLDER = FOLDER / "quick"
"""Where those of short runs go, outside git: they must not pass for the real ones."""

_DIGITS = 4


class MissingData(RecommenderError):
    """A data set is not where it was looked for; the message says what to set."""

    exit_code = 2


class BrokenData(RecommenderError):
    """A file is there and holds something else; the message says what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One figure and its bounds."""

    row: str
    """What was measured: a metric, or "<ranker>: <metric>"."""
    value: float
    floor: float | None = None
    """What it must exceed."""
    goal: float | None = None
    """What is aimed for."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"{self.row}: {self.value} is no measurement")

    @property
    def holds(self) -> bool | None:
        """Whether the value is above the floor; None without one."""
        return None if self.floor is None else self.value > self.floor

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        return None if self.goal is None else self.value >= self.goal

    @property
    def ranker(self) -> str | None:
        """Who was measured, or None if it is Regulars itself."""
        ranker, separator, _ = self.row.rpartition(": ")
        return ranker if separator else None

    @property
    def metric(self) -> str:
        """What was measured, without the ranker."""
        return self.row.rpartition(": ")[2]


@dataclass(frozen=True, slots=True)
class Result:
    """All rows of one data set, and how they came about."""

    data: str
    rows: tuple[Row, ...]
    settings: Mapping[str, Any]
    """Plain JSON values: what was chosen on validation, and on which part."""
    seconds: Mapping[str, float]
    """How long each step took."""
    notes: tuple[str, ...]
    """Sentences for the page."""
    seed: int
    machine: Mapping[str, Any] = field(default_factory=describe_machine)

    def __post_init__(self) -> None:
        names = [row.row for row in self.rows]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"several rows are called {', '.join(twice)}: a reader could not tell them apart")

    @property
    def holds(self) -> bool:
        """Whether every row with a floor is above it."""
        return all(row.holds is not False for row in self.rows)


def write(result: Result, path: Path) -> None:
    """Write the file of one data set, a row that does not hold included."""
    rows = [
        {"row": r.row, "value": round(r.value, _DIGITS), "floor": r.floor, "goal": r.goal, "holds": r.holds}
        for r in result.rows
    ]
    content = {
        "data": result.data,
        "rows": rows,
        "settings": dict(result.settings),
        "seconds": {step: round(seconds, 1) for step, seconds in result.seconds.items()},
        "seed": result.seed,
        "notes": list(result.notes),
        "machine": dict(result.machine),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read(path: Path) -> Result:
    """Read what `write` wrote; `holds` is worked out again."""
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = tuple(Row(row["row"], row["value"], row["floor"], row["goal"]) for row in content["rows"])
    return Result(
        content["data"],
        rows,
        content["settings"],
        content["seconds"],
        tuple(content["notes"]),
        content["seed"],
        content["machine"],
    )


def path_of(data: str, *, quick: bool = False) -> Path:
    """Return where the result of a data set is kept."""
    return (QUICK_FOLDER if quick else FOLDER) / f"quality-{data}.json"


def find(folder: Path, name: str) -> Path:
    """Return the file `name` of a data set's `folder`.

    Raises
    ------
    MissingData
        If it is not there.
    """
    path = folder / name
    if not path.is_file():
        raise MissingData(
            f"{path} is missing: set BENCH_DATA to the folder that holds {folder.name}/{name} "
            f"(make bench-quality DATA={folder.name} BENCH_DATA=/path/to/data)"
        )
    return path


def show(result: Result, console: Console) -> None:
    """Print the rows as a table."""
    table = Table(title=result.data, title_justify="left", header_style="bold", pad_edge=False)
    for column in ("what", "value", "must exceed", "aim for"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for row in result.rows:
        style = {True: "green", False: "red", None: ""}[row.holds]
        table.add_row(row.row, f"{row.value:.4f}", _bound(row.floor), _bound(row.goal), style=style)
    console.print(table)


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
