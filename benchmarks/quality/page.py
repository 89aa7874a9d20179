"""The tables of docs/quality.md, made from the kept results: nobody types a measured number into the page.

The page holds a pair of comments per data set; what stands between them belongs to this module::

    <!-- scoreboard: tafeng -->
    <!-- end -->
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality import scoreboard
from benchmarks.quality.published import METRICS, PUBLISHED
from benchmarks.quality.scoreboard import Result, Row

PAGE = Path(__file__).parents[2] / "docs" / "quality.md"

NOT_MEASURED = "This engine's figures are not here: `make bench-quality DATA={data}` measures them."
"""Stands above the published figures of a data set without a kept result."""

_PLACE = re.compile(r"(<!-- scoreboard: (?P<data>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, folder: Path = scoreboard.FOLDER) -> str:
    """Return the text of the page with every table renewed from the files in `folder`."""

    def renew(place: re.Match[str]) -> str:
        path = folder / scoreboard.path_of(place["data"]).name
        return f"{place[1]}{tables(scoreboard.read(path)) if path.exists() else unmeasured(place['data'])}\n{place[3]}"

    return _PLACE.sub(renew, page)


def places(page: str) -> list[str]:
    """Return the data sets that the page shows, in its order."""
    return [place["data"] for place in _PLACE.finditer(page)]


def tables(result: Result) -> str:
    """Return the bounds, the comparison, what was chosen and what it cost, as Markdown."""
    notes = "\n".join(f"* {note}" for note in result.notes)
    parts = (_bounds(result), _comparison(result.data, result.rows), notes, _settings(result), _cost(result))
    return "\n\n".join(part for part in parts if part)


def unmeasured(data: str) -> str:
    """Return the published figures alone, as Markdown."""
    return f"{NOT_MEASURED.format(data=data)}\n\n{_comparison(data, ())}"


def write() -> None:
    """Renew the page on disk."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _bounds(result: Result) -> str:
    rows = [
        f"| {row.row} | {row.value:.4f} | {_bound(row.floor, kept=row.holds)} | {_bound(row.goal, kept=row.reached)} |"
        for row in result.rows
        if row.floor is not None or row.goal is not None
    ]
    return "\n".join(["| | Regulars | must exceed | aim for |", "|---|--:|--:|--:|", *rows])


def _bound(value: float | None, *, kept: bool | None) -> str:
    return "" if value is None else f"{value:.4g} {'✓' if kept else '✗'}"


def _comparison(data: str, rows: Sequence[Row]) -> str:
    metrics = METRICS[data]
    measured = [_line(f"**{ranker}**", values, metrics, "this run") for ranker, values in _by_ranker(rows)]
    published = [
        f"| {line.method} | {' | '.join(_cell(value) for value in line.values)} | {line.source} |"
        for line in PUBLISHED[data]
    ]
    head = [f"| | {' | '.join(metrics)} | source |", f"|---|{'--:|' * len(metrics)}---|"]
    return "\n".join([*head, *measured, *published])


def _by_ranker(rows: Sequence[Row]) -> list[tuple[str, dict[str, float]]]:
    """Return the figures of each ranker by metric, in the order of their rows."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row.ranker or "Regulars", {})[row.metric] = row.value
    return list(found.items())


def _line(name: str, values: dict[str, float], metrics: Sequence[str], source: str) -> str:
    return f"| {name} | {' | '.join(_cell(values.get(metric)) for metric in metrics)} | {source} |"


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _settings(result: Result) -> str:
    chosen = ", ".join(f"`{key}` = {json.dumps(value, ensure_ascii=False)}" for key, value in result.settings.items())
    return f"Settings: {chosen}; seed {result.seed}."


def _cost(result: Result) -> str:
    steps = ", ".join(f"{step} {seconds:,.0f} s" for step, seconds in result.seconds.items())
    machine = result.machine
    return (
        f"Time: {steps}, on {machine['cpu']}, {machine['cores']} cores, {machine['memory_mb'] / 1024:.0f} GiB, "
        f"{machine['system']}, Python {machine['python']}."
    )
