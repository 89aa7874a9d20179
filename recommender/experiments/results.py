"""The result of an experiment: each group's measures, and how each variant differs from the first group.

Intervals are normal: estimate ± z · standard error; of a difference, the errors of two independent groups add up in
squares. A verdict is given only where both estimates can be relied on, the groups have the sizes they should have, and
the measure is about everybody who was assigned. The smallest difference that would probably have been found::

    MDE = (z_{1 − α/2} + z_{power}) · standard error of the difference
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from recommender.errors import InvalidInput
from recommender.experiments.allocation import Experiment
from recommender.experiments.metrics import ADJUSTED, MEASURES, Estimate, adjusted
from recommender.experiments.sample_ratio import SampleRatio, sample_ratio
from recommender.experiments.visitors import Visitors

LEVEL = 0.95
POWER = 0.8
"""Chance with which a difference as large as the MDE is found."""
DEFAULT_HORIZON = 28.0
"""Days; four whole weeks, since people shop by the week."""


class Verdict(enum.StrEnum):
    """What a difference says."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    NOT_YET = "not yet"
    """There are too little data to say anything, or the groups cannot be compared."""
    DESCRIPTIVE = "descriptive"
    """The measure is not about everybody, so groups must not be compared by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigure:
    """One measure of one group; its value is None where there is nothing to measure."""

    measure: str
    group: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    why_not: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A variant minus the group it is compared with, by one measure."""

    measure: str
    group: str
    value: float | None
    low: float | None
    high: float | None
    relative: float | None
    """The difference as a share of the compared group's value."""
    p_value: float | None
    """Two-sided."""
    detectable: float | None
    """The smallest difference that would have been found with `POWER`."""
    verdict: Verdict
    why_not: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything about one experiment in one period."""

    experiment: str
    groups: tuple[str, ...]
    compared_with: str
    since: int
    """Seconds since 1970."""
    until: int
    horizon_days: float
    level: float
    power: float
    sample_ratio: SampleRatio
    figures: tuple[GroupFigure, ...]
    differences: tuple[Difference, ...]


def compare(visitors: Visitors, experiment: Experiment, *, horizon: float = DEFAULT_HORIZON) -> Result:
    """Compare every group with the first.

    Raises
    ------
    InvalidInput
        If the horizon is not positive.
    """
    if not horizon > 0:
        raise InvalidInput(f"the horizon is {horizon:g} days; it must be above 0")
    sizes = np.bincount(visitors.group, minlength=len(visitors.groups))
    ratio = sample_ratio(sizes, np.array([share for _, share in experiment.groups]))
    estimates = _estimates(visitors, horizon)
    first, *others = visitors.groups
    return Result(
        experiment=experiment.name,
        groups=visitors.groups,
        compared_with=first,
        since=visitors.period.since,
        until=visitors.period.until,
        horizon_days=horizon,
        level=LEVEL,
        power=POWER,
        sample_ratio=ratio,
        figures=tuple(_figure(measure, group, found) for (measure, group), found in estimates.items()),
        differences=tuple(
            difference(measure, group, estimates[measure, group], estimates[measure, first], ratio=ratio)
            for measure in MEASURES
            for group in others
        ),
    )


def _estimates(visitors: Visitors, horizon: float) -> dict[tuple[str, str], Estimate]:
    foretold = adjusted(visitors)
    return {
        (name, group): measure.estimate((foretold if name == ADJUSTED else visitors).of_group(at), horizon)
        for name, measure in MEASURES.items()
        for at, group in enumerate(visitors.groups)
    }


def _figure(measure: str, group: str, found: Estimate) -> GroupFigure:
    low, high = _interval(found.value, found.error)
    why_not = found.why_not
    if why_not is not None:
        low = high = None
    return GroupFigure(
        measure=measure, group=group, n=found.n, value=_known(found.value), low=low, high=high, why_not=why_not
    )


def difference(measure: str, group: str, mine: Estimate, other: Estimate, *, ratio: SampleRatio) -> Difference:
    """Subtract the compared group's estimate from a variant's."""
    value, error = mine.value - other.value, math.hypot(mine.error, other.error)
    why_not = mine.why_not or other.why_not
    low, high = _interval(value, error)
    is_sure = why_not is None and error > 0
    p_value = 2 * (1 - NormalDist().cdf(abs(value) / error)) if is_sure else None
    return Difference(
        measure=measure,
        group=group,
        value=_known(value),
        low=low if why_not is None else None,
        high=high if why_not is None else None,
        relative=_known(value / other.value) if other.value else None,
        p_value=p_value,
        detectable=(_z(LEVEL) + NormalDist().inv_cdf(POWER)) * error if is_sure else None,
        verdict=_verdict(measure, low, high, is_known=why_not is None and not ratio.is_mismatch),
        why_not=why_not or ("the groups do not have the sizes they should have" if ratio.is_mismatch else None),
    )


def _verdict(measure: str, low: float | None, high: float | None, *, is_known: bool) -> Verdict:
    kind = MEASURES[measure]
    if not is_known or low is None or high is None:
        return Verdict.NOT_YET
    if not kind.is_fair:
        return Verdict.DESCRIPTIVE
    if low <= 0 <= high:
        return Verdict.UNDECIDED
    return Verdict.BETTER if (low > 0) == kind.more_is_better else Verdict.WORSE


def _interval(value: float, error: float) -> tuple[float | None, float | None]:
    if not math.isfinite(value) or not math.isfinite(error):
        return None, None
    return value - _z(LEVEL) * error, value + _z(LEVEL) * error


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
