"""How good a forecast was, once the days have passed.

A forecast is *calibrated* if of the customers who were expected to order about five times, the mean ordered five times.
Customers are sorted by what was expected of them and cut into tenths; the error by tenth is::

    Σ_d n_d · |mean expected_d − mean observed_d| / Σ observed

A forecast that says the same of everybody can be calibrated and is of no use, so the mean absolute error stands beside
it: how far off the forecast was for the single customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating[Any]] | npt.NDArray[np.integer[Any]]

PARTS = 10


@dataclass(frozen=True, slots=True)
class Tenth:
    """A tenth of the customers by what was expected of them."""

    n: int
    expected: float
    """Mean of what was expected."""
    observed: float
    """Mean of what came."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What one forecast of an amount was worth."""

    name: str
    total: float
    """All that was expected, by all that came; 1 is right on the whole."""
    error: float
    """Mean absolute error of a customer."""
    tenth_error: float
    """The error by tenth, as a share of all that came."""
    tenths: tuple[Tenth, ...]
    """From those of whom the least was expected."""

    @classmethod
    def of(cls, name: str, expected: Numbers, observed: Numbers) -> Accuracy:
        """Compare what was `expected` of customers (m,) with what was `observed`; ties stay in their order."""
        parts = [part for part in np.array_split(np.argsort(expected, kind="stable"), PARTS) if len(part)]
        tenths = tuple(Tenth(len(p), float(expected[p].mean()), float(observed[p].mean())) for p in parts)
        whole = float(observed.sum())
        off = sum(tenth.n * abs(tenth.expected - tenth.observed) for tenth in tenths)
        return cls(
            name,
            total=float(expected.sum()) / whole if whole else 0.0,
            error=float(np.abs(expected - observed).mean()) if len(expected) else 0.0,
            tenth_error=off / whole if whole else 0.0,
            tenths=tenths,
        )


def auc(score: Numbers, happened: npt.NDArray[np.bool_]) -> float:
    """Return the probability that of two customers it happened to the one with the higher score; 0.5 is chance.

    >>> auc(np.array([1.0, 2.0, 3.0]), np.array([False, True, True]))
    1.0
    """
    n_with, n_without = int(happened.sum()), int((~happened).sum())
    if not n_with or not n_without:
        return 0.5
    ordered = np.sort(score)
    rank = (np.searchsorted(ordered, score, "left") + np.searchsorted(ordered, score, "right") + 1) / 2
    return float((rank[happened].sum() - n_with * (n_with + 1) / 2) / (n_with * n_without))


def brier(probability: Numbers, happened: npt.NDArray[np.bool_]) -> float:
    """Return the mean squared distance of probabilities from what happened; 0 is perfect, 0.25 is saying "even"."""
    return float(np.square(probability - happened).mean()) if len(happened) else 0.0
