r"""When a customer orders next: their own rhythm, shrunk to the shop's.

The gaps of one customer are gamma distributed with a shape κ that all share, and a rate of their own; rates differ as a
gamma distribution (s, β). A shape of 1 is ordering at random; the larger, the more alike are a customer's gaps. After n
gaps of together S days the next gap g is beta prime distributed::

    Pr(g ≤ t) = I_w(κ, s + κn),   w = t / (t + β + S)          I: the regularized incomplete beta function
    E(g) = κ (β + S) / (s + κn − 1)

so that one gap moves the shop's mean a little and fifty replace it, and a customer of one order has the spread of the
whole shop. Given that nothing came for e days, only gaps above e are left. The parameters are those under which the
gaps of all customers are likeliest. It speaks of those who come back: whether they do is the business of
`recommender.loyalty.bg_nbd`, which in turn knows no rhythm.

The regular form of such models is that of Platzer & Reutterer, Ticking Away the Moments, Marketing Science 35(5), 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincc, betainccinv, betaincinv, digamma, gammaln

from recommender.loyalty.likelihood import Fit, maximize

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A fitted model of gaps, in days."""

    regularity: float
    """κ"""
    shape: float
    """s"""
    scale: float
    """β, days"""

    @classmethod
    def fit(cls, gaps: Counts, days: Numbers, log_gaps: Numbers) -> tuple[Rhythm, Fit]:
        """Fit to customers (m,) with so many gaps, their sum and the sum of their logarithms.

        Raises
        ------
        NoFit
            If the likelihood has no maximum.
        """
        some = gaps > 0
        n, total, logs = gaps[some], days[some], log_gaps[some]
        unit = float(total.sum() / max(n.sum(), 1)) or 1.0
        scaled, moved = total / unit, logs - n * np.log(unit)
        names = ("regularity", "shape", "scale")
        # In the limits all gaps of a customer are alike, or all customers have one rate.
        found = maximize(lambda p: _log_likelihood(p, n, scaled, moved), names, large=names)
        value = found.log_likelihood - float(n.sum()) * math.log(unit)
        fit = found.rescaled("scale", unit, log_likelihood=value)
        return cls(*fit.estimate), fit

    def quantile(self, share: float, gaps: Counts, days: Numbers, *, after: Numbers) -> Numbers:
        """Return (m,) days: the gap that `share` of those stay within who have not ordered `after` so many days."""
        own, rest, scale = self.regularity, self.shape + self.regularity * gaps, self.scale + days
        begun = after / (after + scale)
        # In the smaller of the two tails, or a late customer's would be rounded away.
        still = betaincc(own, rest, begun)
        tail = betainccinv(own, rest, still * (1 - share))
        body = betaincinv(own, rest, betainc(own, rest, begun) + share * still)
        w = np.where(still * (1 - share) < 0.5, tail, body)
        with np.errstate(divide="ignore", over="ignore"):
            gap = np.where(w < 1, scale * w / (1 - w), np.inf)
            # The tail falls as a power of t + β + S, which says how where its size is too small for a number.
            farther = (after + scale) * (1 - share) ** (-1 / rest) - scale
        return np.asarray(np.maximum(np.where(still > 0, gap, farther), after), dtype=np.float64)


def _log_likelihood(parameters: Numbers, n: Counts, days: Numbers, log_gaps: Numbers) -> tuple[float, Numbers]:
    """Return the log-likelihood and its gradient by (κ, s, β)."""
    own, shape, scale = parameters
    at = np.arange(int(n.max(initial=0)) + 1)
    log_sum, rest = np.log(scale + days), shape + own * n
    among = (gammaln(shape + own * at) - gammaln(shape))[n] - n * gammaln(own) + shape * np.log(scale)
    value = (own - 1) * log_gaps + among - rest * log_sum
    both = digamma(shape + own * at)[n]
    by_own = log_gaps - n * digamma(own) + n * (both - log_sum)
    by_shape = np.log(scale) + both - digamma(shape) - log_sum
    by_scale = shape / scale - rest / (scale + days)
    return float(value.sum()), np.array([by_own.sum(), by_shape.sum(), by_scale.sum()])
