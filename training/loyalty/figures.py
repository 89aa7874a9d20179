"""What a report says of the customer base, as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recommender.loyalty.calibration import Accuracy
from recommender.loyalty.concentration import Concentration
from recommender.loyalty.movement import Cohorts, Movement
from training.loyalty.plain import rebuilt

FORECAST = "forecast"
"""Name of our own among the forecasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One parameter of a fitted model."""

    model: str
    """``buying``, ``spending`` or ``rhythm``."""
    name: str
    value: float
    error: float | None
    """Standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What the outlook of the trained version rests on."""

    estimates: tuple[Estimate, ...]
    reasons: Mapping[str, str]
    """Model → why it could not be fitted."""
    leaves_at_once: bool
    """Whether customers may leave after their first order already."""
    regularity: float
    """Of repeat orders of one item by one customer: 1 is at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staying:
    """How well it was told who would order again."""

    n: int
    returned: float
    """Share of customers who ordered within the days held out."""
    auc: float
    """Of the probability of an order."""
    auc_alive: float
    """Of the probability of still being a customer."""
    auc_recency: float
    """Of nothing but the days since the last order."""
    brier: float
    """Of the probability of an order."""
    brier_mean: float
    """Of saying the same of everybody: the share who returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """How well days were told."""

    what: str
    n: int
    """Cases whose day came within the days held out; the figures below are of these."""
    came: float
    """Their share of all cases."""
    inside: float
    """Share within the interval of 80 %."""
    early: float
    """Share before it."""
    error: float
    """Median distance in days from the expected day."""
    width: float
    """Median days between the ends of the interval."""
    naive_errors: Mapping[str, float]
    """Simpler forecast → its median distance in days, of the same cases where it says one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a forecast made `days` before the end of the log was worth."""

    cut: str
    """ISO 8601: the first day it knew nothing about."""
    days: int
    orders: tuple[Accuracy, ...]
    """Of orders; our own first."""
    money: tuple[Accuracy, ...]
    staying: Staying | None
    dates: tuple[Days, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoyaltyFigures:
    """The customer base of a trained version."""

    fitted: Fitted
    calibration: Calibration | None
    why_uncalibrated: str
    """Empty where it was measured."""
    concentration: Concentration | None
    movement: Movement | None
    cohorts: Cohorts | None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready nested dictionaries and lists."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> LoyaltyFigures:
        """Rebuild from `to_dict`; anything else raises KeyError or TypeError."""
        return rebuilt(cls, content)
