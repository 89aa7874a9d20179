"""Measuring rankings against what users bought next: which ranker is better, for whom, and how sure are we?

`evaluate` takes the rankings of several rankers for the users of one `Holdout` and returns an
`EvaluationTable`: plain numbers with intervals, which print, travel as JSON and are drawn by the report.
Every ranker is measured on the same users, for both purposes ("all" items, items "new" to the user), and the
`subject` (the model on trial) is compared with each of the others by the paired difference per user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.bootstrap import Bootstrap
from recommender.errors import InvalidInput
from recommender.evaluation_table import DecileFigure, Difference, EvaluationTable, Figure, rounded
from recommender.holdout import N_DECILES, Holdout
from recommender.item_lists import ItemLists
from recommender.metrics import PER_USER, Relevance, coverage, novelty
from recommender.purpose import Purpose

DECILE_METRICS = ("ndcg", "recall")
"""Broken down by customer value: whether a model serves the best customers is seen in these two."""

Rankings = Mapping[str, Mapping[Purpose, ItemLists]]
"""Ranker name → purpose → one ranking per user of the holdout."""

Column = tuple[str, str, int]
"""Ranker, metric, k."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """Per-user values of every ranker for one purpose, as the columns of one matrix."""

    purpose: Purpose
    users: npt.NDArray[np.bool_]
    """(n,) which users of the holdout are measured."""
    columns: tuple[Column, ...]
    values: npt.NDArray[np.float64]
    """(users.sum(), n_columns)."""


def evaluate(
    rankings: Rankings,
    holdout: Holdout,
    *,
    subject: str,
    cutoffs: Sequence[int] = (10,),
    bootstrap: Bootstrap | None = None,
    advance: Callable[[int], None] | None = None,
) -> EvaluationTable:
    """Measure every ranker on every purpose it ranks for.

    Parameters
    ----------
    rankings
        One ranking per user of the holdout, in its order, for each ranker and purpose; may be shorter than k.
    holdout
        The truth.
    subject
        The ranker the others are compared with.
    cutoffs
        The k of every metric@k, such as ``(5, 10, 20)``.
    bootstrap
        How intervals are drawn.
    advance
        Progress: called with the number of resamples just finished; `n_steps` says how many there will be.

    Raises
    ------
    InvalidInput
        If the subject is missing, there is no cutoff, or a ranker's lists do not fit the holdout.
    """
    _check(rankings, holdout, subject=subject, cutoffs=cutoffs)
    bootstrap = bootstrap or Bootstrap()
    figures: list[Figure] = []
    differences: list[Difference] = []
    deciles: list[DecileFigure] = []
    for purpose in _purposes(rankings):
        measured = _measure(rankings, holdout, purpose, cutoffs)
        if not len(measured.values):
            continue
        means = bootstrap.means(measured.values, advance=advance)
        figures += _figures(measured, means, bootstrap)
        figures += _coverage(rankings, holdout, measured, cutoffs)
        differences += _differences(measured, means, bootstrap, subject)
        deciles += _deciles(measured, holdout, bootstrap)
    return EvaluationTable(
        subject=subject,
        cut=str(holdout.cut),
        n_users=len(holdout),
        resamples=bootstrap.resamples,
        level=bootstrap.level,
        seed=bootstrap.seed,
        figures=tuple(figures),
        differences=tuple(differences),
        deciles=tuple(deciles),
    )


def n_steps(rankings: Rankings, bootstrap: Bootstrap) -> int:
    """Return the sum of all numbers `evaluate` will call `advance` with, at most."""
    return bootstrap.resamples * len(_purposes(rankings))


def _check(rankings: Rankings, holdout: Holdout, *, subject: str, cutoffs: Sequence[int]) -> None:
    if subject not in rankings:
        raise InvalidInput(f"the subject {subject!r} is not among the rankers {', '.join(map(repr, rankings))}")
    if not cutoffs or min(cutoffs) < 1:
        raise InvalidInput(f"cutoffs must be one or more numbers of at least 1, not {list(cutoffs)}")
    for name, by_purpose in rankings.items():
        for purpose, lists in by_purpose.items():
            if len(lists) != len(holdout):
                raise InvalidInput(
                    f"ranker {name!r} gives {len(lists)} rankings for {purpose.value!r} items, "
                    f"but the holdout has {len(holdout)} users"
                )


def _purposes(rankings: Rankings) -> list[Purpose]:
    return [purpose for purpose in Purpose if any(purpose in by_purpose for by_purpose in rankings.values())]


def _measure(rankings: Rankings, holdout: Holdout, purpose: Purpose, cutoffs: Sequence[int]) -> _Measured:
    relevant = holdout.relevant(purpose)
    users = relevant.lengths > 0
    relevant = relevant.select(users)
    columns: dict[Column, npt.NDArray[np.float64]] = {}
    for name, lists in _ranking_for(rankings, purpose):
        chosen = lists.select(users)
        relevance = Relevance.of(chosen, relevant, k=max(cutoffs))
        for k in cutoffs:
            for metric, per_user in PER_USER.items():
                columns[name, metric, k] = per_user(relevance.at(k))
            columns[name, "novelty", k] = novelty(chosen, k=k, buyers=holdout.buyers, n_users=holdout.n_train_users)
    return _Measured(purpose, users, tuple(columns), np.stack(list(columns.values()), axis=1))


def _ranking_for(rankings: Rankings, purpose: Purpose) -> list[tuple[str, ItemLists]]:
    return [(name, by_purpose[purpose]) for name, by_purpose in rankings.items() if purpose in by_purpose]


def _figures(measured: _Measured, means: npt.NDArray[np.float64], bootstrap: Bootstrap) -> list[Figure]:
    intervals = bootstrap.intervals(means)
    return [
        Figure(
            ranker=ranker,
            purpose=measured.purpose,
            metric=metric,
            k=k,
            value=rounded(measured.values[:, at].mean()),
            low=rounded(low),
            high=rounded(high),
            n_users=len(measured.values),
        )
        for at, ((ranker, metric, k), (low, high)) in enumerate(zip(measured.columns, intervals, strict=True))
    ]


def _coverage(rankings: Rankings, holdout: Holdout, measured: _Measured, cutoffs: Sequence[int]) -> list[Figure]:
    return [
        Figure(
            ranker=name,
            purpose=measured.purpose,
            metric="coverage",
            k=k,
            value=rounded(coverage(lists.select(measured.users), k=k, recommendable=holdout.known_item)),
            low=None,
            high=None,
            n_users=len(measured.values),
        )
        for name, lists in _ranking_for(rankings, measured.purpose)
        for k in cutoffs
    ]


def _differences(
    measured: _Measured, means: npt.NDArray[np.float64], bootstrap: Bootstrap, subject: str
) -> list[Difference]:
    place = {column: at for at, column in enumerate(measured.columns)}
    pairs = [
        (place[subject, metric, k], at, ranker)
        for at, (ranker, metric, k) in enumerate(measured.columns)
        if ranker != subject and (subject, metric, k) in place
    ]
    if not pairs:
        return []
    ours, theirs = [mine for mine, _, _ in pairs], [other for _, other, _ in pairs]
    gain = (measured.values[:, ours] - measured.values[:, theirs]).mean(axis=0)
    intervals = bootstrap.intervals(means[:, ours] - means[:, theirs])
    return [
        Difference(
            subject=subject,
            baseline=ranker,
            purpose=measured.purpose,
            metric=measured.columns[other][1],
            k=measured.columns[other][2],
            value=rounded(gain[at]),
            low=rounded(low),
            high=rounded(high),
        )
        for at, ((_, other, ranker), (low, high)) in enumerate(zip(pairs, intervals, strict=True))
    ]


def _deciles(measured: _Measured, holdout: Holdout, bootstrap: Bootstrap) -> list[DecileFigure]:
    chosen = [at for at, (_, metric, _) in enumerate(measured.columns) if metric in DECILE_METRICS]
    decile = holdout.deciles()[measured.users]
    figures = []
    for number in range(1, N_DECILES + 1):
        values = measured.values[decile == number][:, chosen]
        if not len(values):
            continue
        intervals = bootstrap.intervals(bootstrap.means(values))
        for (at, column), (low, high) in zip(enumerate(chosen), intervals, strict=True):
            ranker, metric, k = measured.columns[column]
            figures.append(
                DecileFigure(
                    ranker=ranker,
                    purpose=measured.purpose,
                    metric=metric,
                    k=k,
                    value=rounded(values[:, at].mean()),
                    low=rounded(low),
                    high=rounded(high),
                    n_users=len(values),
                    decile=number,
                )
            )
    return figures
