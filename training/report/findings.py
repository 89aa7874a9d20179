"""The answer in words: is the model better than a baseline, by how much, how sure are we, and for whom?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.evaluation_table import DecileFigure, Difference, EvaluationTable
from recommender.purpose import Purpose
from training.report.glossary import PURPOSES, metric_label

HEADLINE_METRIC = "ndcg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One card on top of the report: the model beside its strongest baseline, for one purpose."""

    title: str
    verdict: str
    """"better", "worse" or "undecided": the whole interval above 0, below 0, or neither; "plain" judges nothing."""
    headline: str
    detail: str


def findings(table: EvaluationTable) -> list[Finding]:
    """Return one finding per purpose that was measured and compared."""
    found = ((purpose, _hardest(table, purpose)) for purpose in table.purposes)
    return [_finding(table, purpose, hardest) for purpose, hardest in found if hardest is not None]


def answer(table: EvaluationTable) -> str:
    """Return the verdict on the whole in one sentence, which the cards then break down."""
    by_verdict: dict[str, list[str]] = {name: [] for name in _ANSWERS}
    for purpose in table.purposes:
        if rows := _headline_rows(table, purpose):
            verdicts = {verdict(row) for row in rows}
            worst = next(name for name in ("worse", "undecided", "better") if name in verdicts)
            by_verdict[worst].append(PURPOSES[purpose].lower())
    if not by_verdict["worse"] and not by_verdict["undecided"]:
        return "Yes. It beats every baseline, on every kind of list that was measured."
    parts = [_ANSWERS[name].format(lists=_listed(lists)) for name, lists in by_verdict.items() if lists]
    return f"{'In part' if by_verdict['better'] else 'No'}: {'; '.join(parts)}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def verdict(difference: Difference) -> str:
    """Return "better", "worse" or "undecided"."""
    if difference.better:
        return "better"
    return "worse" if difference.worse else "undecided"


def lift(table: EvaluationTable, difference: Difference) -> float | None:
    """Return the difference as a share of the baseline's figure; None where that is 0."""
    base = table.figure(difference.baseline, difference.purpose, difference.metric, difference.k).value
    return difference.value / base if base else None


def headline_k(table: EvaluationTable) -> int:
    """Return the k the headline is about: the longest list measured."""
    return table.cutoffs[-1]


def _hardest(table: EvaluationTable, purpose: Purpose) -> Difference | None:
    """Return the comparison with the baseline that is hardest to beat."""
    return min(_headline_rows(table, purpose), key=lambda row: row.value, default=None)


def _headline_rows(table: EvaluationTable, purpose: Purpose) -> list[Difference]:
    wanted = (purpose, HEADLINE_METRIC, headline_k(table))
    return [row for row in table.differences if (row.purpose, row.metric, row.k) == wanted]


def _finding(table: EvaluationTable, purpose: Purpose, hardest: Difference) -> Finding:
    k = headline_k(table)
    return Finding(
        title=PURPOSES[purpose],
        verdict=verdict(hardest),
        headline=_HEADLINES[verdict(hardest)].format(baseline=hardest.baseline),
        detail=f"{metric_label(HEADLINE_METRIC, k)} {_amount(table, hardest)}. {_for_whom(table, hardest)}".strip(),
    )


_HEADLINES = {
    "better": "Better than {baseline}",
    "worse": "Worse than {baseline}",
    "undecided": "No sure difference to {baseline}",
}


_ANSWERS = {
    "better": "better than every baseline for {lists}",
    "worse": "worse than a baseline for {lists}",
    "undecided": "not surely better than every baseline for {lists}",
}


def _amount(table: EvaluationTable, difference: Difference) -> str:
    share = lift(table, difference)
    ours = table.figure(table.subject, difference.purpose, difference.metric, difference.k).value
    theirs = table.figure(difference.baseline, difference.purpose, difference.metric, difference.k).value
    relative = "" if share is None else f" ({share:+.1%})"
    interval = ""
    if difference.low is not None and difference.high is not None:
        interval = f", {table.level:.0%} interval {difference.low:+.4f} to {difference.high:+.4f}"
    return f"{ours:.4f} against {theirs:.4f}: {difference.value:+.4f}{relative}{interval}"


def _for_whom(table: EvaluationTable, difference: Difference) -> str:
    ours, theirs = (_by_decile(table, difference, ranker) for ranker in (table.subject, difference.baseline))
    shared = sorted(set(ours) & set(theirs))
    if len(shared) < 2:
        return ""
    ahead = sum(ours[decile].value > theirs[decile].value for decile in shared)
    return f"Ahead in {ahead} of {len(shared)} groups of customers by value."


def _by_decile(table: EvaluationTable, difference: Difference, ranker: str) -> dict[int, DecileFigure]:
    wanted = (ranker, difference.purpose, difference.metric, difference.k)
    return {row.decile: row for row in table.deciles if (row.ranker, row.purpose, row.metric, row.k) == wanted}
