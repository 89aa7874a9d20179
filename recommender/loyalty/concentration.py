"""How revenue is spread over customers: the Lorenz curve and the share of the best fifth.

L(p) is the share of all revenue that the p of customers who spend the least bring; the straight line would be a shop in
which all spend the same. The Gini coefficient is twice the area between the two (Gastwirth 1972).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

POINTS = 20
"""Steps of the curve."""

BEST_FIFTH = 0.2


@dataclass(frozen=True, slots=True)
class Concentration:
    """The spread of revenue."""

    customers: tuple[float, ...]
    """Shares of customers, from those who spend the least: 0 to 1."""
    revenue: tuple[float, ...]
    """L at these shares."""
    best_fifth: float
    """Share of revenue of the fifth who spend the most."""
    gini: float

    @classmethod
    def of(cls, spent: npt.NDArray[np.float64]) -> Concentration | None:
        """Describe what customers (m,) spent; None where nothing was."""
        whole = float(spent.sum())
        if not whole:
            return None
        so_far = np.concatenate([[0.0], np.cumsum(np.sort(spent))]) / whole
        at = np.linspace(0, 1, len(so_far))
        steps = np.linspace(0, 1, POINTS + 1)
        curve = np.interp(steps, at, so_far)
        area = float(np.mean((so_far[1:] + so_far[:-1]) / 2))
        return cls(
            tuple(steps.round(6).tolist()),
            tuple(curve.round(6).tolist()),
            best_fifth=1 - float(np.interp(1 - BEST_FIFTH, at, so_far)),
            gini=1 - 2 * area,
        )
