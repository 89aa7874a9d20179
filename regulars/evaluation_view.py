"""An evaluation as a person reads it: the model beside its baselines, all items and new items apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from recommender.evaluation_table import Difference, EvaluationTable, Figure
from recommender.purpose import Purpose
from regulars.terminal import RIGHT, plain, table

WITH_INTERVAL = {"ndcg": "nDCG", "recall": "recall"}
WITHOUT_INTERVAL = {"hit_rate": "hit", "coverage": "cover"}
"""Fewer digits, so that a row fits into 80 columns; `--json` has all metrics."""

TITLES = {
    Purpose.ALL: "All items",
    Purpose.NEW: "Items new to the user",
    Purpose.AGAIN: "Items the user owns",
    Purpose.CART: "The rest of a basket, half of it known",
}


def evaluation_view(evaluation: EvaluationTable, *, k: int | None = None) -> RenderableType:
    """Return tables of every purpose that was measured, and what they come to in words."""
    k = evaluation.cutoffs[-1] if k is None else k
    parts: list[RenderableType] = []
    for purpose in evaluation.purposes:
        parts += [_table(evaluation, purpose, k), *_verdicts(evaluation, purpose, k), Text()]
    if evaluation.resamples:
        parts.append(plain(f"In brackets: {evaluation.level:.0%} intervals over users.", style="dim"))
    return Group(*parts)


def _table(evaluation: EvaluationTable, purpose: Purpose, k: int) -> RenderableType:
    headings = ["", *(f"{RIGHT}{name}@{k}" for name in WITH_INTERVAL.values())]
    headings += [f"{RIGHT}{name}" for name in WITHOUT_INTERVAL.values()]
    found = {(f.ranker, f.metric): f for f in evaluation.figures if f.purpose is purpose and f.k == k}
    ranked = [ranker for ranker in evaluation.rankers if any((ranker, metric) in found for metric in WITH_INTERVAL)]
    rows = [_row(ranker, found, subject=evaluation.subject) for ranker in ranked]
    n_users = next((figure.n_users for figure in found.values()), 0)
    title = f"{TITLES[purpose]}: {n_users:,} users, what they bought from {evaluation.cut[:10]} on"
    return table(headings, rows, title=title)


def _row(ranker: str, found: dict[tuple[str, str], Figure], *, subject: str) -> list[Text]:
    style = "bold" if ranker == subject else ""
    cells = [ranker]
    cells += [_with_interval(found.get((ranker, metric))) for metric in WITH_INTERVAL]
    cells += [_short(found.get((ranker, metric))) for metric in WITHOUT_INTERVAL]
    return [plain(cell, style=style) for cell in cells]


def _with_interval(figure: Figure | None) -> str:
    if figure is None:
        return ""
    interval = "" if figure.low is None or figure.high is None else f" [{figure.low:.4f}, {figure.high:.4f}]"
    return f"{figure.value:.4f}{interval}"


def _short(figure: Figure | None) -> str:
    return "" if figure is None else f"{figure.value:.3f}"


def _verdicts(evaluation: EvaluationTable, purpose: Purpose, k: int) -> Iterator[Text]:
    """Say for each baseline whether the subject is better, by nDCG."""
    for found in _of(evaluation.differences, purpose, k):
        verdict, style = ("not distinguishable from", "yellow")
        if found.better:
            verdict, style = ("better than", "green")
        elif found.worse:
            verdict, style = ("worse than", "red")
        by = f"nDCG {found.value:+.4f}, {found.low:+.4f} to {found.high:+.4f}"
        yield Text.assemble(plain(f"  {verdict} ", style=style), plain(f"{found.baseline}  ({by})"))


def _of(differences: Iterable[Difference], purpose: Purpose, k: int) -> list[Difference]:
    return [d for d in differences if (d.purpose, d.metric, d.k) == (purpose, "ndcg", k)]
