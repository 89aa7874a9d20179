"""How items are bought again: how often they are, and after how long.

Milk comes back every week, a kettle does not. Both facts are pooled over all buyers of an item and, where an item
has few, shrunk towards its category, and a category with few towards the whole shop::

    rate_i = (buyers who bought i again + κ · rate_category) / (buyers of i + κ)
    gap_i  = (Σ days between first and last order + κ · gap_category) / (Σ repeat orders + κ)

The prior weight κ is how many buyers (or repeats) the category's word is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.histories import Histories, History
from recommender.interactions import SECONDS_PER_DAY

PRIOR_WEIGHT = 5.0
"""Buyers (or repeat orders) that the level above is worth."""

DEFAULT_GAP_DAYS = 30.0
"""Said of a shop in which nothing was ever bought twice."""

UNKNOWN_REGULARITY = 1.0
"""Said of a shop whose rhythm nobody knows: orders at random, the widest of intervals."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class RepeatHabits:
    """Repeat rate and rhythm of every item."""

    rate: Floats
    """(n_items,) share of buyers who buy the item again, in [0, 1]."""
    gap_days: Floats
    """(n_items,) typical days between two orders of the same user, greater than 0."""
    regularity: float = UNKNOWN_REGULARITY
    """How regular the gaps of one user and item are, greater than 0: the shape of their gamma distribution. 1 is buying
    at random; the larger, the more alike are the gaps."""

    @classmethod
    def from_histories(
        cls, histories: Histories, category: npt.NDArray[np.int32], *, prior_weight: float = PRIOR_WEIGHT
    ) -> RepeatHabits:
        """Pool all users' pasts; `category` is (n_items,) and supplies what items are shrunk to."""
        n_items = len(category)
        bought = histories.orders > 0
        item, orders = histories.item[bought], histories.orders[bought].astype(np.float64)
        span_days = (histories.last[bought] - histories.first[bought]) / SECONDS_PER_DAY
        buyers = np.bincount(item, minlength=n_items).astype(np.float64)
        repeaters = np.bincount(item, orders > 1, n_items).astype(np.float64)
        repeats = np.bincount(item, orders - 1, n_items).astype(np.float64)
        spans = np.bincount(item, span_days, n_items).astype(np.float64)
        rate = _shrunk(repeaters, buyers, category, default=0.0, weight=prior_weight)
        gap_days = _shrunk(spans, repeats, category, default=DEFAULT_GAP_DAYS, weight=prior_weight)
        return cls(rate.astype(np.float32), np.maximum(gap_days, 1.0).astype(np.float32))

    def gaps_of(self, history: History | Histories, *, prior_weight: float = 1.0) -> Floats:
        """Return (m,) days: a person's own gap for each item of their past, shrunk to the item's."""
        repeats = np.maximum(history.orders - 1, 0)
        span_days = (history.last - history.first) / SECONDS_PER_DAY
        gap = (span_days + prior_weight * self.gap_days[history.item]) / (repeats + prior_weight)
        return np.maximum(gap, 1.0).astype(np.float32)


def _shrunk(
    part: npt.NDArray[np.float64],
    whole: npt.NDArray[np.float64],
    category: npt.NDArray[np.int32],
    *,
    default: float,
    weight: float,
) -> npt.NDArray[np.float64]:
    """Return part / whole per item, shrunk to the category's ratio, itself shrunk to the shop's."""
    n_categories = int(category.max(initial=-1)) + 1
    overall = part.sum() / whole.sum() if whole.sum() else default
    by_category = np.bincount(category, part, n_categories) + weight * overall
    by_category /= np.bincount(category, whole, n_categories) + weight
    ratio: npt.NDArray[np.float64] = (part + weight * by_category[category]) / (whole + weight)
    return ratio
