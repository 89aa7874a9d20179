"""The measures of an experiment: what each is, and its estimate with a standard error for one group of visitors.

======================== ======================================================================= ===================
measure                  of a group of v visitors                                                 standard error
======================== ======================================================================= ===================
click_through            Σ clicks / Σ places seen                                                 delta method
add_to_cart              share who put anything into the cart                                     √(p (1−p) / (v−1))
conversion               share who ordered                                                        the same
revenue_per_visitor      mean money kept                                                          s / √v
revenue_adjusted         the same, less what money spent before the period foretells (CUPED)      s / √v
return_rate              share with an order within H days of entering                           Kaplan–Meier
repeat_rate              share with a second order within H days of entering                      Kaplan–Meier
repeat_rate_buyers       of those who ordered: share with another order within H days             Kaplan–Meier
days_to_order            mean days from entering to the next order, H where there is none by then restricted mean
days_between_orders      of those who ordered: the same from that order on                        restricted mean
======================== ======================================================================= ===================

The visitor is the unit throughout, as it is of the assignment: places and orders of one visitor are alike, and would
make an interval too short if they were counted as independent (Deng et al. 2017). The two measures of buyers describe
and do not compare: a group that makes more people buy at all has other buyers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from recommender.experiments.survival import Survival, survival
from recommender.experiments.visitors import NEVER, Visitors
from recommender.traffic.attribution import SECONDS_PER_DAY

MIN_VISITORS = 100
"""Below, a mean is not yet normal enough for its interval."""
MIN_EVENTS = 30
"""Of buyers, second orders and the like, and of those nothing happened to: the same for rare things."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measure of one group."""

    n: int
    """Visitors behind it."""
    value: float
    error: float
    """Standard error."""
    why_not: str | None = None
    """Why it cannot be relied on yet; None if it can."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure."""

    estimate: Callable[[Visitors, float], Estimate]
    """Of a group, with the horizon in days."""
    more_is_better: bool = True
    is_fair: bool = True
    """Whether groups may be compared by it: it is about all visitors, who were assigned by chance."""


def adjusted(visitors: Visitors) -> Visitors:
    """Return visitors whose revenue is free of what was to be expected from the days before (CUPED).

    ::

        y' = y − θ (x − mean x),   θ = Σ_g cov_g(x, y) / Σ_g var_g(x)              Deng et al. 2013

    x is what the visitor spent before the period, so no group can have changed it: the mean of the difference stays
    what it was, and its variance falls by the square of their correlation.
    """
    x, y = visitors.prior_revenue, visitors.revenue
    centred_x, centred_y = (_centred(values, visitors.group, len(visitors.groups)) for values in (x, y))
    spread = float(centred_x @ centred_x)
    theta = float(centred_x @ centred_y) / spread if spread > 0 else 0.0
    return visitors.with_revenue(y - theta * (x - x.mean()) if len(x) else y)


def _centred(values: Values, group: npt.NDArray[np.int8], n_groups: int) -> Values:
    size = np.bincount(group, minlength=n_groups)
    total = np.bincount(group, weights=values, minlength=n_groups)
    centred: Values = values - (total / np.maximum(size, 1))[group]
    return centred


def _click_through(visitors: Visitors, _horizon: float) -> Estimate:
    seen, clicks = visitors.impressions.astype(np.float64), visitors.clicks.astype(np.float64)
    n, total = len(visitors), float(seen.sum())
    if not total:
        return Estimate(n, math.nan, math.nan, "nobody was shown anything")
    ratio = float(clicks.sum()) / total
    # Var(Σc / Σs) ≈ Σ (c − ratio · s)² / (Σs)²: the first term of Taylor's series.
    error = math.sqrt(float(((clicks - ratio * seen) ** 2).sum()) * n / max(n - 1, 1)) / total
    return Estimate(n, ratio, error, _too_few(n, int((clicks > 0).sum()), n, "clicked"))


def _share(of: Callable[[Visitors], npt.NDArray[np.bool_]], what: str) -> Callable[[Visitors, float], Estimate]:
    def estimate(visitors: Visitors, _horizon: float) -> Estimate:
        did = of(visitors)
        n, count = len(did), int(did.sum())
        share = count / n if n else math.nan
        error = math.sqrt(share * (1 - share) / (n - 1)) if n > 1 else math.nan
        return Estimate(n, share, error, _too_few(n, count, n - count, what))

    return estimate


def _revenue(visitors: Visitors, _horizon: float) -> Estimate:
    n, buyers = len(visitors), int((visitors.orders > 0).sum())
    if n < 2:
        return Estimate(n, math.nan, math.nan, _too_few(n, 0, 0, "ordered"))
    error = float(visitors.revenue.std(ddof=1)) / math.sqrt(n)
    return Estimate(n, float(visitors.revenue.mean()), error, _too_few(n, buyers, n, "ordered"))


def _until(
    of: Callable[[Visitors], tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]], what: str, *, share: bool
) -> Callable[[Visitors, float], Estimate]:
    """Return an estimate of the time between two moments of a visitor; those without the first do not count."""

    def estimate(visitors: Visitors, horizon: float) -> Estimate:
        start, moment = of(visitors)
        started = start < NEVER
        start, moment = start[started], moment[started]
        happened = moment < NEVER
        end = np.where(happened, moment, visitors.period.until)
        found = survival((end - start) / SECONDS_PER_DAY, happened, horizon=horizon)
        value, error = (found.share, found.share_error) if share else (found.days, found.days_error)
        if not found.n:
            value = error = math.nan
        return Estimate(found.n, value, error, _too_short(found, horizon) or _too_few_at(found, what))

    return estimate


def _too_few(n: int, did: int, did_not: int, what: str) -> str | None:
    if n < MIN_VISITORS:
        return f"{_users(n)}; {MIN_VISITORS} are needed"
    if did < MIN_EVENTS:
        return f"{_users(did)} {what}; {MIN_EVENTS} are needed"
    return f"all but {_users(did_not)} {what}; {MIN_EVENTS} are needed" if did_not < MIN_EVENTS else None


def _users(n: int) -> str:
    return "1 user" if n == 1 else f"{n:,} users"


def _too_short(found: Survival, horizon: float) -> str | None:
    if found.watched >= MIN_EVENTS:
        return None
    were, days = "was" if found.watched == 1 else "were", "day" if horizon == 1 else "days"
    return (
        f"{_users(found.watched)} {were} watched for {horizon:g} {days} without such an order; {MIN_EVENTS} are needed"
    )


def _too_few_at(found: Survival, what: str) -> str | None:
    return _too_few(found.n, found.events, found.n, what)


def _from_entering_to_first(visitors: Visitors) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return visitors.entered, visitors.first_order


def _from_entering_to_second(visitors: Visitors) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return visitors.entered, visitors.second_order


def _from_first_to_second(visitors: Visitors) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return visitors.first_order, visitors.second_order


_AGAIN = "ordered again"

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "click_through": Measure(_click_through),
        "add_to_cart": Measure(_share(lambda visitors: visitors.carted, "put something into the cart")),
        "conversion": Measure(_share(lambda visitors: visitors.orders > 0, "ordered")),
        "revenue_per_visitor": Measure(_revenue),
        "revenue_adjusted": Measure(_revenue),
        "return_rate": Measure(_until(_from_entering_to_first, "ordered", share=True)),
        "repeat_rate": Measure(_until(_from_entering_to_second, _AGAIN, share=True)),
        "days_to_order": Measure(_until(_from_entering_to_first, "ordered", share=False), more_is_better=False),
        "repeat_rate_buyers": Measure(_until(_from_first_to_second, _AGAIN, share=True), is_fair=False),
        "days_between_orders": Measure(
            _until(_from_first_to_second, _AGAIN, share=False), more_is_better=False, is_fair=False
        ),
    }
)
"""Every measure, in the order of reports."""
ADJUSTED = "revenue_adjusted"
"""The measure that is taken of `adjusted` visitors."""
