"""Measured versions made by hand: every user's value of every ranker is given, and everything else follows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recommender.bootstrap import Bootstrap
from recommender.evaluation_table import Difference, EvaluationTable, Figure
from recommender.item_lists import ItemLists
from recommender.outcomes import Outcomes, PurposeOutcomes, TestWindow
from recommender.purpose import Purpose
from tests import planted
from training.measured import Measured

SUBJECT = "regulars"
BOOTSTRAP = Bootstrap(resamples=400, seed=3)
CUT = "2024-06-01T00:00:00"

Values = Mapping[Purpose, Mapping[str, Sequence[float]]]
"""Purpose → ranker → one value per user."""


def window_of(n_users: int, *, n_items: int = 10, **changes: Any) -> TestWindow:
    """A window of `n_users` in ten equal deciles, all of them warm; item 0 is bought most."""
    window = TestWindow(
        cut=CUT,
        end="2024-06-30T12:00:00",
        k=10,
        users=tuple(planted.user_id(user) for user in range(n_users)),
        items=tuple(planted.item_id(item) for item in range(n_items)),
        purchases=np.arange(n_items, 0, -1, dtype=np.int64),
        value=np.arange(n_users, dtype=np.float64),
        decile=np.arange(n_users) * 10 // n_users + 1,
        orders=np.full(n_users, 9, dtype=np.int64),
        first_order=np.full(n_users, int(planted.START.astype(np.int64)), dtype=np.int64),
    )
    return dataclasses.replace(window, **changes)


def outcomes_of(values: Values, **changes: Any) -> Outcomes:
    """Outcomes in which nDCG and recall are `values`; every user wants one item and is shown it."""
    n_users = len(next(iter(values[Purpose.ALL].values())))
    window = window_of(n_users, **changes)
    lists = ItemLists.from_rows([[user % len(window.items)] for user in range(n_users)])
    return Outcomes(
        subject=SUBJECT,
        window=window,
        by_purpose={
            purpose: PurposeOutcomes(
                rankers=tuple(rankers),
                row=np.arange(n_users),
                ndcg=np.array(list(rankers.values()), dtype=np.float32).T.copy(),
                recall=np.array(list(rankers.values()), dtype=np.float32).T.copy(),
                relevant=lists,
                shown=lists,
            )
            for purpose, rankers in values.items()
        },
    )


def table_of(outcomes: Outcomes, bootstrap: Bootstrap = BOOTSTRAP) -> EvaluationTable:
    """The table of figures that belongs to `outcomes`."""
    figures, differences = [], []
    for purpose, found in outcomes.by_purpose.items():
        means = bootstrap.means(found.ndcg.astype(np.float64))
        mine = found.rankers.index(outcomes.subject)
        for at, ranker in enumerate(found.rankers):
            value = float(found.ndcg[:, at].mean())
            (low, high), (under, over) = bootstrap.intervals(
                np.stack([means[:, at], means[:, mine] - means[:, at]], axis=1)
            )
            for metric in ("ndcg", "recall"):
                common: dict[str, Any] = {"purpose": purpose, "metric": metric, "k": 10}
                figures.append(Figure(ranker=ranker, value=value, low=low, high=high, n_users=len(found.row), **common))
                if ranker != outcomes.subject:
                    gain = float(found.ndcg[:, mine].mean()) - value
                    names: dict[str, Any] = {"subject": outcomes.subject, "baseline": ranker}
                    differences.append(Difference(value=gain, low=under, high=over, **names, **common))
    return EvaluationTable(
        subject=outcomes.subject,
        cut=outcomes.window.cut,
        n_users=len(outcomes.window),
        resamples=bootstrap.resamples,
        level=bootstrap.level,
        seed=bootstrap.seed,
        figures=tuple(figures),
        differences=tuple(differences),
        deciles=(),
    )


def measured_of(values: Values, version: str = "20240701-aaaaaaaaaaaa", **changes: Any) -> Measured:
    """A version with these values."""
    outcomes = outcomes_of(values, **changes)
    return Measured(version=version, evaluation=table_of(outcomes), outcomes=outcomes)
