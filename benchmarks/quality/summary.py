"""The scoreboard in one table: for each data set and metric, our figure beside the best of anybody else.

It stands between a pair of comments in README.md and at the top of docs/quality.md, and is made from the kept results.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

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
    for row in scoreboard.read(path).rows:
        if row.floor is not None:
            value, method = _best_other(data, row)
            yield f"| {name} | {row.row} | {_bold(row.value, value)} | {_bold(value, row.value)} | {method} |"
            name = ""


def _best_other(data: str, row: Row) -> tuple[float, str]:
    """Return the highest published figure of a metric, and whose it is."""
    column = METRICS[data].index(row.row)
    known = [(value, line.method) for line in PUBLISHED[data] if (value := line.values[column]) is not None]
    return max(known, key=lambda found: found[0])


def _bold(value: float, other: float) -> str:
    return f"**{value:.4f}**" if value > other else f"{value:.4f}"
