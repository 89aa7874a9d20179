"""The tables of docs/faults.md, made from the kept figures: nobody types a measured number into the page.

The page holds one pair of comments; what stands between them belongs to this module::

    <!-- faults: begin -->
    <!-- faults: end -->

In the file a row is called ``<fault> → <what>``, so that every name says what it is about. How it is measured, and what
a broken goal means, is in `benchmarks.faults.texts`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks import results
from benchmarks.faults.texts import TEXTS, Text
from benchmarks.page import machine_line
from benchmarks.results import Results, Row

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
NAME = "faults"
BETWEEN = " → "

_PLACE = re.compile(r"(<!-- faults: begin -->\n).*?(<!-- faults: end -->)", re.DOTALL)


def named(fault: str, row: Row) -> Row:
    """Return a row as the file holds it."""
    return dataclasses.replace(row, row=f"{fault}{BETWEEN}{row.row}")


def by_fault(rows: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    """Return the rows of each fault, called by what they measure."""
    found: dict[str, tuple[Row, ...]] = {}
    for row in rows:
        fault, _, what = row.row.partition(BETWEEN)
        found[fault] = (*found.get(fault, ()), dataclasses.replace(row, row=what))
    return found


def filled(page: str, found: Results | None) -> str:
    """Return the text of the page with the tables renewed."""
    if found is None:
        return page
    return _PLACE.sub(lambda place: f"{place[1]}{tables(found)}\n{place[2]}", page)


def tables(found: Results) -> str:
    """Return the verdicts, then the figures of each fault, as Markdown; a fault without figures is named too."""
    faults = by_fault(found.rows)
    parts = ["| fault | goals kept | broken |", "|---|--:|---|"]
    parts += [_verdict(fault, rows) for fault, rows in faults.items()]
    parts += [f"| {fault} | – | no figures of a full run |" for fault in TEXTS if fault not in faults]
    parts += [line for fault, rows in faults.items() for line in _figures(fault, rows)]
    return "\n".join([*parts, "", machine_line(found)])


def write() -> None:
    """Renew the page on disk."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results.load(NAME)), encoding="utf-8")


def _verdict(fault: str, rows: Iterable[Row]) -> str:
    judged = [row for row in rows if row.holds is not None]
    broken = [row.row for row in judged if not row.holds]
    return f"| {fault} | {len(judged) - len(broken)} of {len(judged)} | {'; '.join(broken)} |"


def _said(text: Text) -> list[str]:
    anchor = re.sub(r"[^\w\- ]", "", text.part.lower()).replace(" ", "-")
    link = f"[{text.part}](operations.md#{anchor})"
    return [
        f"*How it is measured.* {text.how}",
        "",
        f"*If a goal is broken.* {text.broken} To an operator: {link}.",
        "",
    ]


def _figures(fault: str, rows: Iterable[Row]) -> list[str]:
    text = TEXTS.get(fault)
    said = (
        [] if text is None else [f"*How it is measured.* {text.how}", "", f"*If a goal is broken.* {text.broken}", ""]
    )
    lines = ["", f"### {fault}", "", *said, "| what | value | goal |", "|---|--:|---|"]
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal} {'✓' if row.holds else '✗'}"
        lines.append(f"| {row.row} | {results.value_text(row)} | {goal} |")
    return lines
