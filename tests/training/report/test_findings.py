import dataclasses

import pytest

from recommender.evaluation_table import DecileFigure, Difference, EvaluationTable, Figure
from recommender.purpose import Purpose
from training.report.findings import answer, findings, lift


def table_of(low: float | None, high: float | None, *, model: float = 0.5) -> EvaluationTable:
    common = {"purpose": Purpose.ALL, "metric": "ndcg", "k": 10}
    values = {"model": model, "own top": 0.4, "popularity": 0.0}
    return EvaluationTable(
        subject="model",
        cut="2024-12-01T00:00:00",
        n_users=20,
        resamples=10,
        level=0.95,
        seed=0,
        figures=tuple(
            Figure(ranker=name, value=value, low=None, high=None, n_users=20, **common)  # type: ignore[arg-type]
            for name, value in values.items()
        ),
        differences=tuple(
            Difference(subject="model", baseline=name, value=model - values[name], low=low, high=high, **common)  # type: ignore[arg-type]
            for name in ("popularity", "own top")
        ),
        deciles=tuple(
            DecileFigure(
                ranker=name,
                value=value + (0.2 if name == "own top" and decile == 2 else 0),
                low=None,
                high=None,
                n_users=10,
                decile=decile,
                **common,  # type: ignore[arg-type]
            )
            for name, value in values.items()
            for decile in (1, 2)
        ),
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict", "headline"),
    [
        (0.05, 0.15, "better", "Better than own top"),
        (-0.15, -0.05, "worse", "Worse than own top"),
        (-0.05, 0.25, "undecided", "No sure difference to own top"),
        (None, None, "undecided", "No sure difference to own top"),
    ],
)
def test_the_verdict_follows_the_interval(low: float | None, high: float | None, verdict: str, headline: str) -> None:
    """Only an interval that lies on one side of zero decides; the hardest baseline is the one that counts."""
    [finding] = findings(table_of(low, high))
    assert (finding.verdict, finding.headline, finding.title) == (verdict, headline, "All items")


def test_the_detail_names_figures_interval_and_for_whom() -> None:
    """A manager reads both figures, the difference, how sure it is, and in how many groups it holds."""
    [finding] = findings(table_of(0.05, 0.15))
    assert finding.detail == (
        "nDCG@10 0.5000 against 0.4000: +0.1000 (+25.0%), 95% interval +0.0500 to +0.1500. "
        "Ahead in 1 of 2 groups of customers by value."
    )


def test_nothing_is_divided_by_zero() -> None:
    """Beside a baseline that is never right there is a difference and no percentage."""
    table = table_of(0.05, 0.15)
    assert lift(table, table.difference("popularity", Purpose.ALL, "ndcg", 10)) is None


@pytest.mark.parametrize(
    ("low", "high", "opening"),
    [(0.05, 0.15, "Yes. It beats"), (-0.15, -0.05, "No: worse than a baseline for all items"), (-0.05, 0.1, "No: not")],
)
def test_the_answer_comes_first(low: float, high: float, opening: str) -> None:
    """One sentence a manager can quote: yes only if every baseline is beaten for sure."""
    assert answer(table_of(low, high)).startswith(opening)


def test_the_answer_may_be_in_part() -> None:
    """Better at one kind of list and worse at another is neither yes nor no."""
    table = table_of(0.05, 0.15)
    turned = [dataclasses.replace(row, purpose=Purpose.NEW, low=-0.2, high=-0.1) for row in table.differences]
    figures = [dataclasses.replace(row, purpose=Purpose.NEW) for row in table.figures]
    both = dataclasses.replace(
        table, figures=(*table.figures, *figures), differences=(*table.differences, *turned), deciles=()
    )
    assert answer(both) == (
        "In part: better than every baseline for all items; worse than a baseline for items new to the customer."
    )
