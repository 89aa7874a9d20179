"""How regular repeat orders of one item by one user are.

With the posterior of `recommender.repeat`, a user's next gap for an item with the typical gap G, after n gaps of
together S days, is beta prime distributed::

    Pr(g ≤ t) = I_w(κ, 1 + κ + κn),   w = t / (t + G + S)         E(g) = (S + G) / (n + 1)

whose mean is the due date that is shown. κ is the shape of all gaps of a shop, 1 for orders at random; it is the one
under which the sums S are likeliest, S / (S + G) being beta distributed (κn, 1 + κ).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy.special import betaln

from recommender.histories import Histories
from recommender.interactions import SECONDS_PER_DAY
from recommender.loyalty.likelihood import NoFit, maximize
from recommender.repeat import RepeatHabits

FEWEST_PAIRS = 50
"""Users and items with a repeat order below which the rhythm is not known."""

MOST_PAIRS = 200_000
"""Pairs that are looked at, spread evenly: one number needs no more."""

_STEP = 1e-4


def with_regularity(habits: RepeatHabits, histories: Histories) -> RepeatHabits:
    """Return `habits` with the regularity under which repeat orders are likeliest; unchanged where there are few."""
    days = (histories.last - histories.first) / SECONDS_PER_DAY
    again = np.flatnonzero((histories.orders > 1) & (days >= 1))
    if len(again) < FEWEST_PAIRS:
        return habits
    again = again[:: -(-len(again) // MOST_PAIRS)]
    n, gap = histories.orders[again].astype(np.float64) - 1, habits.gap_days[histories.item[again]]
    share = days[again] / (days[again] + gap)
    try:
        found = maximize(lambda p: _log_likelihood(p, n, share), ("regularity",))
    except NoFit:
        return habits
    return dataclasses.replace(habits, regularity=found.estimate[0])


def _log_likelihood(
    parameters: npt.NDArray[np.float64], n: npt.NDArray[np.float64], share: npt.NDArray[np.float64]
) -> tuple[float, npt.NDArray[np.float64]]:
    own = float(parameters[0])

    def value(own: float) -> float:
        return float(np.sum((own * n - 1) * np.log(share) + own * np.log1p(-share) - betaln(own * n, 1 + own)))

    slope = (value(own * (1 + _STEP)) - value(own * (1 - _STEP))) / (2 * _STEP * own)
    return value(own), np.array([slope])
