"""From the pasts of all customers to the outlook of each: three models, each with its reason where it cannot be fitted.

======== ================================ ==========================================
model    says                             module
======== ================================ ==========================================
buying   who still is a customer, orders  `recommender.loyalty.bg_nbd`
spending money per order                  `recommender.loyalty.gamma_gamma`
rhythm   the day of the next order        `recommender.loyalty.rhythm`
======== ================================ ==========================================

Where spending cannot be fitted, everybody is taken to spend what an order brings on average. Where buying or the rhythm
cannot, their columns are empty: a shop whose customers never came back has taught nobody how they do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from recommender.loyalty.bg_nbd import BgNbd, Pasts
from recommender.loyalty.gamma_gamma import GammaGamma
from recommender.loyalty.likelihood import Fit, NoFit
from recommender.loyalty.outlook import FARTHEST_DAYS, HORIZON_DAYS, INTERVAL, SHORT_HORIZON_DAYS, Outlook
from recommender.loyalty.rhythm import Rhythm
from recommender.loyalty.summary import Summary

T = TypeVar("T")

FEWEST_REPEATERS = 20
"""Customers with a second order day below which nothing is fitted: four parameters would fit their accidents."""

_HALF_DAY = 0.5
"""Gaps are counted in whole days: none of e days is a gap longer than e and a half."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was learned of the whole shop."""

    buying: BgNbd | None
    spending: GammaGamma | None
    rhythm: Rhythm | None
    mean_money: float
    """Mean money of an order day in this shop; 0 where nobody ordered."""
    fits: dict[str, Fit] = field(default_factory=dict)
    """Model → its estimates."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Model → why it was not fitted."""

    @classmethod
    def fit(cls, past: Summary) -> Forecast:
        """Fit the three models to the same customers."""
        orders = past.repeats + 1
        mean = float(past.mean_money @ orders / orders.sum()) if len(past) else 0.0
        repeaters = int((past.repeats > 0).sum())
        if repeaters < FEWEST_REPEATERS:
            few = f"only {repeaters:,} customers ordered on a second day; {FEWEST_REPEATERS} are needed"
            return cls(None, None, None, mean, reasons=dict.fromkeys(("buying", "spending", "rhythm"), few))
        fits: dict[str, Fit] = {}
        reasons: dict[str, str] = {}

        def attempt(name: str, fit: Callable[[], tuple[T, Fit]]) -> T | None:
            try:
                model, fits[name] = fit()
            except NoFit as reason:
                reasons[name] = str(reason)
                return None
            return model

        days = past.last.astype(np.float64)
        return cls(
            attempt("buying", lambda: BgNbd.fit(Pasts.grouped(past.repeats, past.last, past.age))),
            attempt("spending", lambda: GammaGamma.fit(orders, past.mean_money)),
            attempt("rhythm", lambda: Rhythm.fit(past.repeats, days, past.log_gaps)),
            mean,
            fits,
            reasons,
        )

    def outlook(self, past: Summary) -> Outlook:
        """Return what is to be expected of every user after the end of `past`."""
        outlook = Outlook.unknown(past.n_users)
        if self.buying is not None:
            alive = self.buying.alive(*_columns(past))
            soon, later = (
                self.buying.expected(*_columns(past), ahead=ahead) for ahead in (SHORT_HORIZON_DAYS, HORIZON_DAYS)
            )
            outlook = dataclasses.replace(
                outlook,
                alive=past.spread(alive),
                orders_30=past.spread(soon),
                orders_90=past.spread(later),
                value_90=past.spread(later * self.money(past)),
            )
        if self.rhythm is not None:
            low, high = INTERVAL
            outlook = dataclasses.replace(
                outlook,
                next_order=_day_of(self.rhythm, past, 0.5),
                next_order_from=_day_of(self.rhythm, past, low),
                next_order_until=_day_of(self.rhythm, past, high),
            )
        return outlook

    def money(self, past: Summary) -> npt.NDArray[np.float64]:
        """Return (m,): what each customer is expected to spend on an order day."""
        if self.spending is None:
            return np.full(len(past), self.mean_money)
        return self.spending.expected(past.repeats + 1, past.mean_money)

    def returns(self, past: Summary, *, ahead: float) -> npt.NDArray[np.float64] | None:
        """Return (m,): the probability of an order within so many days; None where buying was not fitted."""
        return None if self.buying is None else self.buying.returns(*_columns(past), ahead=ahead)

    def orders(self, past: Summary, *, ahead: float) -> npt.NDArray[np.float64] | None:
        """Return (m,): expected order days within so many days; None where buying was not fitted."""
        return None if self.buying is None else self.buying.expected(*_columns(past), ahead=ahead)


def _columns(past: Summary) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return past.repeats, past.last.astype(np.float64), past.age.astype(np.float64)


def _day_of(rhythm: Rhythm, past: Summary, share: float) -> npt.NDArray[np.datetime64]:
    """Return (n_users,) the day by which this share of those who come back has ordered; none is in the past."""
    waited = (past.age - past.last).astype(np.float64)
    gap = rhythm.quantile(share, past.repeats, past.last.astype(np.float64), after=waited + _HALF_DAY)
    ahead = np.clip(np.round(gap - waited), 1, FARTHEST_DAYS).astype("timedelta64[D]")
    day = np.full(past.n_users, "NaT", "datetime64[D]")
    day[past.user] = past.today + ahead
    return day
