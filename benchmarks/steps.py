"""The table of steps in docs/training.md, made from what a training recorded of itself.

``python -m benchmarks.steps data/reports/<version>.json`` puts it between two comments of the page::

    <!-- steps: begin -->
    <!-- steps: end -->

Run it on the machine that trained: the line below the table describes the one it runs on.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine

PAGE = Path(__file__).parent.parent / "docs" / "training.md"

_PLACE = re.compile(r"(<!-- steps: begin -->\n).*?(<!-- steps: end -->)", re.DOTALL)


def filled(page: str, block: str) -> str:
    """Return the text of the page with `block` between the comments."""
    return _PLACE.sub(lambda place: f"{place[1]}{block}\n{place[2]}", page)


def table(record: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    """Return a training's steps and the machine as Markdown."""
    steps = record["steps"]
    total = {
        "name": "**all steps**",
        "seconds": sum(step["seconds"] for step in steps),
        "peak_mb": max(step["peak_mb"] for step in steps),
    }
    rows = [f"| {step['name']} | {step['seconds']:,.1f} | {step['peak_mb']:,.0f} |" for step in (*steps, total)]
    head = ["| step | seconds | peak memory, MiB |", "|---|--:|--:|"]
    return "\n".join([*head, *rows, "", _measured_on(record, machine)])


def main(arguments: Sequence[str]) -> int:
    """Renew the page from the record that is named."""
    (path,) = arguments
    record = json.loads(Path(path).read_text(encoding="utf-8"))
    page = filled(PAGE.read_text(encoding="utf-8"), table(record, describe_machine()))
    PAGE.write_text(page, encoding="utf-8")
    return 0


def _measured_on(record: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    rows, als = record["cleaning"]["rows_read"], record["parameters"]["als"]
    return (
        f"{rows:,} rows, `als.factors` = {als['factors']}, `als.iterations` = {als['iterations']}; "
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb'] / 1024:.0f} GiB, {machine['system']}, "
        f"Python {machine['python']}."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
