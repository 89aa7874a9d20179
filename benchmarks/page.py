"""The tables of docs/benchmarks.md and docs/loyalty.md, made from the figures: nobody types a number into a page.

A page holds a pair of comments per benchmark; what stands between them belongs to this module::

    <!-- figures: serving -->
    <!-- end -->
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks import results
from benchmarks.results import Results

_DOCS = Path(__file__).parent.parent / "docs"
PAGE = _DOCS / "benchmarks.md"
PAGES = (PAGE, _DOCS / "loyalty.md")

NOT_MEASURED = "*Not measured yet.*"

_PLACE = re.compile(r"(<!-- figures: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, folder: Path = results.FOLDER) -> str:
    """Return the text of the page with every table renewed from the files in `folder`."""

    def renew(place: re.Match[str]) -> str:
        found = results.load(place["name"], folder)
        return f"{place[1]}{NOT_MEASURED if found is None else table(found)}\n{place[3]}"

    return _PLACE.sub(renew, page)


def places(page: str) -> list[str]:
    """Return the names of the benchmarks that the page shows, in its order."""
    return [place["name"] for place in _PLACE.finditer(page)]


def table(found: Results) -> str:
    """Return the rows and the machine as Markdown."""
    lines = ["| what | value | goal | beside |", "|---|--:|---|---|"]
    for row in found.rows:
        goal = "" if row.goal is None else f"{row.goal} {'✓' if row.holds else '✗'}"
        lines.append(f"| {row.row} | {results.value_text(row)} | {goal} | {row.peer or ''} |")
    return "\n".join([*lines, "", machine_line(found)])


def write() -> None:
    """Renew the pages on disk."""
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


def machine_line(found: Results) -> str:
    """Say what the figures were measured on."""
    machine = found.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    memory_gb = machine["memory_mb"] / 1024
    return (
        f"Measured on {machine['cpu']}, {machine['cores']} cores, {memory_gb:.0f} GiB, {machine['system']}, "
        f"Python {machine['python']} ({versions})."
    )
