"""The tables about one training in README.md and docs/, made from what the training recorded of itself.

``python -m benchmarks.training_pages data/reports/<version>.json`` puts them between comments of the pages::

    <!-- steps: begin -->
    <!-- steps: end -->

Run it on the machine that trained: the line below the steps describes the one it runs on.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine

ROOT = Path(__file__).parent.parent

Record = Mapping[str, Any]

_PURPOSES = {"all": "all items", "new": "items new to the user"}
_METRICS = ("ndcg", "recall")


def filled(page: str, name: str, block: str) -> str:
    """Return the text of the page with `block` between the comments called `name`."""
    place = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
    return place.sub(lambda found: f"{found[1]}{block}\n{found[2]}", page)


def steps(record: Record) -> str:
    """Return what each step cost, and on which machine, as Markdown."""
    costs = record["steps"]
    total = {
        "name": "**all steps**",
        "seconds": sum(step["seconds"] for step in costs),
        "peak_mb": max(step["peak_mb"] for step in costs),
    }
    rows = [f"| {step['name']} | {step['seconds']:,.1f} | {step['peak_mb']:,.0f} |" for step in (*costs, total)]
    head = ["| step | seconds | peak memory, MiB |", "|---|--:|--:|"]
    return "\n".join([*head, *rows, "", _measured_on(record, describe_machine())])


def accuracy(record: Record) -> str:
    """Return how well every ranker foretold the test window, as Markdown; the model is the first row."""
    evaluation = record["evaluation"]
    rankers = list(dict.fromkeys(figure["ranker"] for figure in evaluation["figures"]))
    titles = [f"{what}: {metric}@10" for what in _PURPOSES.values() for metric in ("nDCG", "recall")]
    rows = [
        f"| {ranker} | " + " | ".join(_cell(evaluation, ranker, p, m) for p in _PURPOSES for m in _METRICS) + " |"
        for ranker in rankers
    ]
    n_users = {_PURPOSES[figure["purpose"]]: figure["n_users"] for figure in evaluation["figures"]}
    users = ", ".join(f"{count:,} users for {what}" for what, count in n_users.items())
    note = f"Bought from {evaluation['cut'][:10]} on; {users}; in brackets 95 % intervals. Version {record['version']}."
    return "\n".join([f"| | {' | '.join(titles)} |", "|---|--:|--:|--:|--:|", *rows, "", note])


PLACES: tuple[tuple[str, str, Callable[[Record], str]], ...] = (
    ("README.md", "accuracy", accuracy),
    ("docs/ranking.md", "accuracy", accuracy),
    ("docs/training.md", "steps", steps),
)
"""Page, name of the comments, and what stands between them."""


def main(arguments: Sequence[str]) -> int:
    """Renew the pages from the record that is named."""
    (path,) = arguments
    record = json.loads(Path(path).read_text(encoding="utf-8"))
    for page, name, table in PLACES:
        text = (ROOT / page).read_text(encoding="utf-8")
        (ROOT / page).write_text(filled(text, name, table(record)), encoding="utf-8")
    return 0


def _cell(evaluation: Record, ranker: str, purpose: str, metric: str) -> str:
    key = (ranker, purpose, metric, 10)
    found = (f for f in evaluation["figures"] if (f["ranker"], f["purpose"], f["metric"], f["k"]) == key)
    figure = next(found)
    return f"{figure['value']:.4f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _measured_on(record: Record, machine: Mapping[str, Any]) -> str:
    rows, als = record["cleaning"]["rows_read"], record["parameters"]["als"]
    return (
        f"{rows:,} rows, `als.factors` = {als['factors']}, `als.iterations` = {als['iterations']}; "
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb'] / 1024:.0f} GiB, {machine['system']}, "
        f"Python {machine['python']}."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
