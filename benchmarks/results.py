"""What a benchmark found, as rows: printed as a table, kept as JSON, shown in the docs.

::

    {"machine": {...}, "rows": [{"row", "value", "unit", "goal", "peer", "holds"}, ...]}

A row is one figure. Its `goal`, where it has one, is a bound written down before measuring, and `holds` says whether
the figure keeps it. Its `peer`, where it has one, is what was measured beside it in the same run: a ratio to a named
peer survives a slow or busy machine, an absolute figure does not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent / "results"
"""Where the figures of full runs are kept, in git."""
QUICK_FOLDER = FOLDER / "quick"
"""Where those of short runs go, outside git: they must not pass for the real ones."""

_SIGNIFICANT_DIGITS = 4


class Skipped(Exception):
    """A benchmark that cannot run here; the message says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a figure keeps or breaks.

    >>> at_least(0.5).holds(0.6), at_most(300).holds(301), str(at_most(300))
    (True, False, '≤ 300')
    """

    bound: float
    is_minimum: bool

    def holds(self, value: float) -> bool:
        """Say whether `value` keeps the bound."""
        return value >= self.bound if self.is_minimum else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.is_minimum else '≤'} {self.bound:g}"


def at_least(bound: float) -> Goal:
    """Make the goal of a figure that should be large."""
    return Goal(bound, is_minimum=True)


def at_most(bound: float) -> Goal:
    """Make the goal of a figure that should be small."""
    return Goal(bound, is_minimum=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, as it is kept."""

    row: str
    """What was measured."""
    value: float
    unit: str
    goal: str | None
    peer: str | None
    holds: bool | None
    """Whether the goal is kept; None without a goal."""


def figure(row: str, value: float, unit: str, *, goal: Goal | None = None, peer: str | None = None) -> Row:
    """Make the row of a measured value, rounded to the digits that a measurement can carry.

    Raises
    ------
    ValueError
        If `value` is not finite: nothing was measured then.
    """
    if not math.isfinite(value):
        raise ValueError(f"{row}: {value} {unit} is no measurement")
    rounded = float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
    return Row(row, rounded, unit, str(goal) if goal else None, peer, goal.holds(value) if goal else None)


@dataclass(frozen=True, slots=True)
class Results:
    """All rows of one benchmark, and the machine they were measured on."""

    machine: dict[str, Any]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        names = [row.row for row in self.rows]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"several rows are called {', '.join(twice)}: a reader could not tell them apart")

    @property
    def broken(self) -> tuple[Row, ...]:
        """The rows whose goal is not kept."""
        return tuple(row for row in self.rows if row.holds is False)

    def to_json(self) -> str:
        """Return the text of the file."""
        content = {"machine": self.machine, "rows": [asdict(row) for row in self.rows]}
        return json.dumps(content, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """Read what `to_json` wrote."""
        content = json.loads(text)
        return cls(content["machine"], tuple(Row(**row) for row in content["rows"]))


def save(name: str, results: Results, folder: Path) -> Path:
    """Write the file of benchmark `name` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(results.to_json(), encoding="utf-8")
    return path


def load(name: str, folder: Path = FOLDER) -> Results | None:
    """Read the figures of benchmark `name`; None if it was never run."""
    path = folder / f"{name}.json"
    return Results.from_json(path.read_text(encoding="utf-8")) if path.exists() else None


def show(name: str, rows: Sequence[Row], console: Console) -> None:
    """Print `rows` as a table."""
    table = Table(title=name, title_justify="left", header_style="bold", pad_edge=False)
    for column in ("what", "value", "goal", "beside"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for row in rows:
        style = {True: "green", False: "red", None: ""}[row.holds]
        table.add_row(row.row, value_text(row), row.goal or "", row.peer or "", style=style)
    console.print(table)


def value_text(row: Row) -> str:
    """Return the value with thousands separated, and its unit.

    >>> value_text(figure("rate", 12345.6, "users/s"))
    '12,350 users/s'
    >>> value_text(figure("replies", 1e6, ""))
    '1,000,000'
    """
    return f"{row.value:,.10g} {row.unit}".strip()
