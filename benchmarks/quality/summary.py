"""The scoreboard in one table: for each data set and metric, our figure beside the best of anybody else.

Anybody else are the published methods and the baselines of the same run, not our own parts ("ALS alone").

It stands between a pair of comments in README.md and at the top of docs/quality.md, and is made from the kept results.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeGuard

from benchmarks.quality import scoreboard
from benchmarks.quality.published import METRICS, PUBLISHED
from benchmarks.quality.scoreboard import Row

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "quality.md")
NAMES = {
    "complete_journey": "Complete Journey, a grocer's year",
    "tafeng": "Ta-Feng, next basket",
    "gowalla": "Gowalla, places",
    "amazon_cds": "Amazon-CDs",
}

_PLACE = re.compile(r"(<!-- quality: begin -->\n).*?(<!-- quality: end -->)", re.DOTALL)


def filled(page: str, folder: Path = scoreboard.FOLDER) -> str:
    """Return the text of a page with the table renewed from the files in `folder`."""
    return _PLACE.sub(lambda place: f"{place[1]}{table(folder)}\n{place[2]}", page)


def table(folder: Path = scoreboard.FOLDER) -> str:
    """Return the table as Markdown; a data set without a kept result has no row."""
    head = ["| data | metric | Regulars | best of the others | by |", "|---|---|--:|--:|---|"]
    return "\n".join([*head, *(line for data in METRICS for line in _lines(data, folder))])


def write() -> None:
    """Renew the pages on disk."""
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


def _lines(data: str, folder: Path) -> Iterator[str]:
    path = folder / scoreboard.path_of(data).name
    if not path.exists():
        return
    name = NAMES[data]
    rows = scoreboard.read(path).rows
    for row in rows:
        if row.floor is not None:
            value, method = _best_other(data, row.row, rows)
            yield f"| {name} | {row.row} | {_bold(row.value, value)} | {_bold(value, row.value)} | {method} |"
            name = ""


def _best_other(data: str, metric: str, rows: Sequence[Row]) -> tuple[float, str]:
    """Return the highest figure of somebody else, and whose it is."""
    column = METRICS[data].index(metric)
    known = [(value, line.method) for line in PUBLISHED[data] if (value := line.values[column]) is not None]
    known += [(row.value, row.ranker) for row in rows if row.metric == metric and _is_baseline(row.ranker)]
    return max(known, key=lambda found: found[0])


def _is_baseline(ranker: str | None) -> TypeGuard[str]:
    return ranker is not None and not ranker.endswith(" alone")


def _bold(value: float, other: float) -> str:
    return f"**{value:.4f}**" if value > other else f"{value:.4f}"
