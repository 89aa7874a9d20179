"""The rules of the gate, each a function from what was measured to verdicts with figures.

A difference is paired user by user, and its interval is that of `recommender.bootstrap`. Where a comparison cannot be
made, its verdict says why and does not refuse: what nobody knows is no reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from recommender.bootstrap import Bootstrap, Interval
from recommender.evaluation_table import Difference, EvaluationTable
from recommender.outcomes import Outcomes
from recommender.purpose import Purpose
from training.comparison.groups import BEST_FIFTH
from training.comparison.paired import Values, mean_gains
from training.comparison.windows import shared_purposes, why_unpaired
from training.measured import Measured
from training.settings import GateSettings

METRIC = "ndcg"

FEWEST = 20
"""Users below which an interval is too narrow to be trusted: resampling a handful finds too little spread."""


_WORDS = {Purpose.AGAIN: "items bought before", Purpose.CART: "the rest of a basket"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule says."""

    rule: str
    detail: str
    """The figures, or why there are none."""
    passed: bool
    judged: bool = True
    """Whether the rule could be applied; if not, it holds."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One baseline that must be beaten."""

    purpose: Purpose
    baseline: str
    lift: float
    """By more than this share of its figure."""
    strict: bool = True
    """Whether the figure must exceed that, or may equal it."""


def baselines(evaluation: EvaluationTable, settings: GateSettings) -> Iterator[Verdict]:
    """Compare with every baseline that was measured: the mean must be above.

    With fewer users than `min_users` the mean is mostly luck: then only a clear loss is refused. So it is for
    baselines and purposes without a rule of their own.
    """
    ruled = {(rule.purpose, rule.baseline): rule for rule in _rules(settings)}
    k = max(evaluation.cutoffs, default=0)
    for purpose in evaluation.purposes:
        for baseline in evaluation.rankers:
            try:
                model = evaluation.figure(evaluation.subject, purpose, METRIC, k)
                other = evaluation.figure(baseline, purpose, METRIC, k)
            except KeyError:
                continue
            if baseline == evaluation.subject:
                continue
            name = f"nDCG@{k} on {_words(purpose)} against {baseline}"
            interval = _interval(evaluation, purpose, baseline, k)
            rule = ruled.get((purpose, baseline))
            if rule is not None and (model.n_users >= settings.min_users or interval == (None, None)):
                yield _mean_above(name, model.value, other.value * (1 + rule.lift), strict=rule.strict)
                continue
            margin = -settings.max_loss_other if rule is None else rule.lift
            yield _no_clear_loss(
                name, (other.value, model.value), interval, allowed=-margin * other.value, n_users=model.n_users
            )


def regression(candidate: Measured, current: Measured | None, settings: GateSettings) -> Iterator[Verdict]:
    """Compare with the served version on the same users, or say why that is impossible."""
    if current is None:
        return
    name = f"against the served version {current.version}"
    if (reason := why_unpaired(candidate, current)) is not None:
        detail = f"it could not be compared user by user: {reason}{_side_by_side(candidate, current)}"
        yield Verdict(rule=name, detail=detail, passed=True, judged=False)
        return
    mine, theirs, bootstrap = _outcomes(candidate), _outcomes(current), _bootstrap(candidate)
    for purpose in shared_purposes(mine, theirs):
        ours, others = mine.values(purpose, METRIC), theirs.values(purpose, METRIC)
        rule = f"nDCG@{mine.window.k} on {_words(purpose)} {name}"
        yield from _paired(ours, {rule: others}, bootstrap, share=settings.max_regression)


def best_fifth(candidate: Measured, current: Measured | None, settings: GateSettings) -> Iterator[Verdict]:
    """Compare among the fifth of users who spent the most before the cut, with baselines and the served version."""
    if candidate.outcomes is None:
        detail = f"it could not be looked at: {candidate.problem or 'no figures by user were kept'}"
        yield Verdict(rule="the best fifth of customers", detail=detail, passed=True, judged=False)
        return
    mine, bootstrap = candidate.outcomes, _bootstrap(candidate)
    theirs = current.outcomes if current is not None and why_unpaired(candidate, current) is None else None
    for purpose, found in mine.by_purpose.items():
        best = mine.window.decile[found.row] >= BEST_FIFTH
        others = {f"against {name}": found.values(METRIC, name) for name in found.rankers if name != mine.subject}
        if current is not None and theirs is not None and purpose in theirs.by_purpose:
            others[f"against the served version {current.version}"] = theirs.values(purpose, METRIC)
        name = f"nDCG@{mine.window.k} on {_words(purpose)}, best fifth of customers, "
        rivals = {f"{name}{against}": values[best] for against, values in others.items()}
        yield from _paired(mine.values(purpose, METRIC)[best], rivals, bootstrap, share=settings.max_loss_best)


def _rules(settings: GateSettings) -> tuple[_Rule, ...]:
    every, new = Purpose.ALL, Purpose.NEW
    return (
        _Rule(purpose=every, baseline="popularity", lift=settings.min_lift_popularity),
        _Rule(purpose=every, baseline="recent popularity", lift=settings.min_lift_recent_popularity),
        _Rule(purpose=every, baseline="own top", lift=settings.min_lift_own_top),
        _Rule(purpose=every, baseline="own recent top", lift=settings.min_lift_own_recent_top),
        _Rule(purpose=new, baseline="popularity", lift=settings.min_lift_popularity_new, strict=False),
        _Rule(purpose=new, baseline="recent popularity", lift=settings.min_lift_recent_popularity_new, strict=False),
    )


def _words(purpose: Purpose) -> str:
    return _WORDS.get(purpose, f"{purpose.value} items")


def _mean_above(rule: str, value: float, required: float, *, strict: bool) -> Verdict:
    passed = value > required if strict else value >= required
    sign = ">" if strict else "≥"
    return Verdict(rule=rule, detail=f"{value:.4f}, must be {sign} {required:.4f}", passed=passed)


def _paired(ours: Values, rivals: Mapping[str, Values], bootstrap: Bootstrap, *, share: float) -> Iterator[Verdict]:
    """Compare the same users' values with each rival's, by the rule that names it; all share the same draws."""
    if not len(ours):
        for rule in rivals:
            yield Verdict(rule=rule, detail="nobody of them was measured", passed=True, judged=False)
        return
    if not rivals:
        return
    gains = mean_gains(ours[:, None] - np.stack(list(rivals.values()), axis=1), bootstrap)
    for (rule, others), (_, interval) in zip(rivals.items(), gains, strict=True):
        means = float(others.mean()), float(ours.mean())
        yield _no_clear_loss(rule, means, interval, allowed=share * means[0], n_users=len(ours))


def _no_clear_loss(
    rule: str, means: tuple[float, float], interval: Interval, *, allowed: float, n_users: int
) -> Verdict:
    """Refuse if the whole interval of the difference lies below ``-allowed``; `means` are theirs and ours."""
    other, value = means
    low, high = interval
    figures = f"{value:.4f} against {other:.4f}"
    if low is None or high is None:
        return Verdict(rule=rule, detail=f"{figures}, no interval was drawn", passed=True, judged=False)
    figures += f", difference {value - other:+.4f} ({low:+.4f} to {high:+.4f}, {n_users:,} users)"
    if n_users < FEWEST:
        return Verdict(rule=rule, detail=f"{figures}: too few users to tell", passed=True, judged=False)
    passed = high >= -allowed
    limit = f"{-allowed:+.4f}" if allowed else "0"
    figures += "" if passed else f": the whole interval lies below {limit}"
    return Verdict(rule=rule, detail=figures, passed=passed)


def _interval(evaluation: EvaluationTable, purpose: Purpose, baseline: str, k: int) -> Interval:
    try:
        found: Difference = evaluation.difference(baseline, purpose, METRIC, k)
    except KeyError:
        return None, None
    return (None, None) if found.low is None or found.high is None else (found.low, found.high)


def _side_by_side(candidate: Measured, current: Measured) -> str:
    """Return what can be said without pairing: both figures, each on its own window, beside the hardest baseline."""
    mine, theirs = candidate.evaluation, current.evaluation
    if mine is None or theirs is None:
        return ""
    parts = []
    for purpose in [purpose for purpose in mine.purposes if purpose in theirs.purposes]:
        ours, others = (_own(table, purpose) for table in (mine, theirs))
        parts.append(f"{_words(purpose)} {ours}, the served one {others}")
    return f". Each on its own window, nDCG and its lead over the hardest baseline: {'; '.join(parts)}" if parts else ""


def _own(table: EvaluationTable, purpose: Purpose) -> str:
    k = max(table.cutoffs)
    value = table.figure(table.subject, purpose, METRIC, k).value
    leads = [row.value for row in table.differences if (row.purpose, row.metric, row.k) == (purpose, METRIC, k)]
    return f"{value:.4f}" + (f" ({min(leads):+.4f})" if leads else "")


def _outcomes(measured: Measured) -> Outcomes:
    assert measured.outcomes is not None, "why_unpaired has looked"
    return measured.outcomes


def _bootstrap(measured: Measured) -> Bootstrap:
    """Return how the version's own intervals were drawn."""
    table = measured.evaluation
    assert table is not None, "only measured versions are judged"
    return Bootstrap(resamples=table.resamples, level=table.level, seed=table.seed)
