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
"""Those whose slates the dial arranges."""
_COLUMNS = {
    ("all", "ndcg"): "all items: nDCG@10",
    ("all", "recall"): "all items: recall@10",
    ("new", "ndcg"): "new to the user: nDCG@10",
    ("new", "recall"): "new to the user: recall@10",
    ("again", "ndcg"): "bought before: nDCG@10",
    ("cart", "ndcg"): "rest of a basket: nDCG@10",
}


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
    rows = [
        f"| {ranker} | " + " | ".join(_cell(evaluation, ranker, *column) for column in _COLUMNS) + " |"
        for ranker in rankers
    ]
    measured = {figure["purpose"]: figure["n_users"] for figure in evaluation["figures"]}
    n_users = {what: measured[purpose] for purpose, what in _PURPOSES.items()}
    users = ", ".join(f"{count:,} users for {what}" for what, count in n_users.items())
    note = f"Bought from {evaluation['cut'][:10]} on; {users}; in brackets 95 % intervals. Version {record['version']}."
    return "\n".join([f"| | {' | '.join(_COLUMNS.values())} |", f"|---|{'--:|' * len(_COLUMNS)}", *rows, "", note])


def variety(record: Record) -> str:
    """Return what the diversity dial costs on the validation window, and the slates of the test window."""
    found, chosen = record["variety"], record["parameters"]["slates"]["diversity"]
    head = [
        "| | dial | nDCG@10 | change | repeated categories | diversity by category | by taste | coverage | novelty |"
    ]
    head += ["|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    blocks = []
    for purpose, what in _PURPOSES.items():
        rows = [row for row in found["tradeoff"] if row["purpose"] == purpose]
        blocks += [f"*{what.capitalize()}, validation window, {rows[0]['n_users']:,} users:*", "", *head]
        blocks += [*(_varied(row, chosen=chosen) for row in rows), ""]
    head = [
        "| | nDCG@10 | by title | repeated categories | coverage | novelty | exposure Gini | fresh | something new |"
    ]
    head += ["|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for purpose, what in _PURPOSES.items():
        rows = [row for row in found["slates"] if row["purpose"] == purpose]
        blocks += [f"*{what.capitalize()}, test window, {rows[0]['n_users']:,} users:*", "", *head]
        blocks += [*(_slate(row) for row in rows), ""]
    note = "Baselines that offer owned items fall back on popularity for new ones. In bold the dial in use; changes are"
    return "\n".join([*blocks, f"{note} paired, against the dial at 0. Version {record['version']}."])


PLACES: tuple[tuple[str, str, Callable[[Record], str]], ...] = (
    ("README.md", "accuracy", accuracy),
    ("docs/ranking.md", "accuracy", accuracy),
    ("docs/ranking.md", "variety", variety),
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
    figure = next(found, None)
    return "–" if figure is None else f"{figure['value']:.4f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _varied(row: Record, *, chosen: float) -> str:
    figures, change = row["figures"], row["ndcg_change"]
    dial = "–" if row["dial"] is None else f"{row['dial']:g}"
    cells = [
        str(row["ranker"]) if row["dial"] is None else "slates",
        f"**{dial}**" if row["dial"] == chosen else dial,
        f"{figures['ndcg']:.4f}",
        "–" if change is None else f"{change[0]:+.4f} [{change[1]:+.4f}, {change[2]:+.4f}]",
        f"{figures['repeated_categories']:.2f}",
        f"{figures['category_diversity']:.3f}",
        f"{figures['vector_diversity']:.3f}",
        f"{figures['coverage']:.3f}",
        f"{figures['novelty']:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _slate(row: Record) -> str:
    figures = row["figures"]
    names = {"ranking": "ranking alone", "as shown": "slates as shown"}
    cells = [
        names.get(row["ranker"], str(row["ranker"])),
        f"{figures['ndcg']:.4f}",
        f"{figures['ndcg_by_title']:.4f}",
        f"{figures['repeated_categories']:.2f}",
        f"{figures['coverage']:.3f}",
        f"{figures['novelty']:.2f}",
        f"{figures['exposure_gini']:.3f}",
        f"{figures['freshness']:.1%}",
        f"{figures['something_new']:.1%}",
    ]
    return f"| {' | '.join(cells)} |"


def _measured_on(record: Record, machine: Mapping[str, Any]) -> str:
    rows, als = record["cleaning"]["rows_read"], record["parameters"]["als"]
    return (
        f"{rows:,} rows, `als.factors` = {als['factors']}, `als.iterations` = {als['iterations']}; "
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb'] / 1024:.0f} GiB, {machine['system']}, "
        f"Python {machine['python']}."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
