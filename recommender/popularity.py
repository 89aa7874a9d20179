"""How many people buy an item: ever, lately, at this time of the year, and compared with before.

Buyers are counted, not units: one wholesaler is one buyer. A guest has no name, so each guest order counts as one.

The trend compares the last `recent_days` with what came before, as shares of all sales, so that neither a growing
shop nor Christmas makes everything trend::

    expected_i = earlier_i · Σ recent / Σ earlier
    trend_i    = (recent_i + s) / (expected_i + s)

where earlier_i sums an item's buyers over all earlier windows of the same length, so that regulars count in each of
them, and s damps the noise of small numbers. 1 means "as before", 2 "twice as much".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.interactions import GUEST, SECONDS_PER_DAY, Interactions

YEAR_DAYS = 364
"""A year of whole weeks: Mondays are compared with Mondays."""

TREND_SMOOTHING = 5.0
"""s, in buyers: an item nobody bought before needs fifteen buyers to look four times as popular."""


@dataclass(frozen=True, slots=True, eq=False)
class Popularity:
    """Buyers of every item.

    Raises
    ------
    InvalidInput
        If the columns differ in length.
    """

    total: npt.NDArray[np.float32]
    """(n_items,) distinct buyers, ever."""
    recent: npt.NDArray[np.float32]
    """(n_items,) distinct buyers in the last `recent_days`."""
    week: npt.NDArray[np.float32]
    """(n_items,) distinct buyers in the last 7 days."""
    season: npt.NDArray[np.float32]
    """(n_items,) distinct buyers a year ago, in the `recent_days` that are to come; 0 if the log is younger."""
    trend: npt.NDArray[np.float32]
    """(n_items,) greater than 0; 1 is "as before"."""

    def __post_init__(self) -> None:
        lengths = [len(column) for column in (self.total, self.recent, self.week, self.season, self.trend)]
        if len(set(lengths)) != 1:
            raise InvalidInput(f"popularity columns differ in length: {lengths}")

    @classmethod
    def from_interactions(cls, interactions: Interactions, *, now: np.datetime64, recent_days: int = 30) -> Popularity:
        """Count the buyers of every item; only purchases count.

        Parameters
        ----------
        interactions
            Rows later than `now` count as happening then.
        now
            The end of the log, UTC.
        recent_days
            Length of a window in days, at least 1.
        """
        if recent_days < 1:
            raise InvalidInput(f"recent_days is {recent_days}; it must be at least 1")
        rows = interactions.purchases()
        age_seconds = np.maximum((now.astype("datetime64[s]") - rows.time).astype(np.int64), 0)
        window = age_seconds // (recent_days * SECONDS_PER_DAY)
        is_recent, is_this_week = window == 0, age_seconds < 7 * SECONDS_PER_DAY
        ever = np.zeros_like(window)
        in_season = (age_seconds <= YEAR_DAYS * SECONDS_PER_DAY) & (
            age_seconds > (YEAR_DAYS - recent_days) * SECONDS_PER_DAY
        )
        recent = _count_buyers(rows.select(is_recent), window[is_recent])
        earlier = _count_buyers(rows.select(~is_recent), window[~is_recent])
        return cls(
            total=_count_buyers(rows, ever).astype(np.float32),
            recent=recent.astype(np.float32),
            season=_count_buyers(rows.select(in_season), ever[in_season]).astype(np.float32),
            week=_count_buyers(rows.select(is_this_week), ever[is_this_week]).astype(np.float32),
            trend=_trend(recent, earlier),
        )


def _count_buyers(rows: Interactions, window: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return (n_items,): in how many (buyer, window) each item was bought."""
    buyer = np.where(rows.user == GUEST, len(rows.users) + rows.order.astype(np.int64), rows.user)
    by_fact = np.lexsort([window, buyer, rows.item])
    facts = np.stack([rows.item, buyer, window])[:, by_fact]
    repeated = (facts[:, 1:] == facts[:, :-1]).all(axis=0)
    first = np.concatenate([[True], ~repeated])[: len(rows)]
    return np.bincount(facts[0, first], minlength=len(rows.items))


def _trend(recent: npt.NDArray[np.int64], earlier: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    if not earlier.any():
        return np.ones(len(recent), dtype=np.float32)
    expected = earlier * (recent.sum() / earlier.sum())
    trend: npt.NDArray[np.float64] = (recent + TREND_SMOOTHING) / (expected + TREND_SMOOTHING)
    return trend.astype(np.float32)
