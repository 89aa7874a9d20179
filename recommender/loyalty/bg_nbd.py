r"""Who still buys, and how often: the BG/NBD model of Fader, Hardie & Lee (2005).

While somebody is a customer they order at random at their own rate λ; after an order they may leave for good, with
their own probability p. Rates differ between customers as a gamma distribution (r, α), probabilities as a beta
distribution (a, b). For x repeat orders, the last at t_x of T days (equation 6, in the form of the authors' note of
2004)::

    L = A1 · A2 · (A3 + A4)
    A1 = Γ(r + x) α^r / Γ(r)          A3 = (α + T)^-(r + x)
    A2 = B(a, b + k) / B(a, b)        A4 = a / (b + k - 1) · (α + t_x)^-(r + x),  0 where k = 0

k counts the chances to leave. In the BG/NBD it is x: nobody leaves after the first order, so that a customer of one
order is said to be one for ever. In the modified model (MBG/NBD; Batislam, Denizel & Filiztekin 2007) it is x + 1.
Both have the same four parameters, so `fit` takes the one under which the log is likelier.

Fader, Hardie & Lee, "Counting Your Customers" the Easy Way, Marketing Science 24(2), 2005.
Batislam, Denizel & Filiztekin, Empirical validation and comparison of models for customer base analysis, IJRM 24, 2007.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, digamma, expit, gammaln, hyp2f1, roots_legendre

from recommender.loyalty.likelihood import Fit, maximize

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_NEAR_ONE = 1e-5
"""The formula of expected orders divides by a − 1; nearer to 1 than this, a is moved there."""

_ALIKE = 1e3
"""r above which customers hardly differ in their rates: there the terms of ₂F₁ cancel each other, down to no number."""

_NODES = 64
"""Of the integral that stands for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Pasts:
    """Sufficient statistics, one row for all customers who share them."""

    repeats: Counts
    """(m,) x"""
    last: Numbers
    """(m,) t_x"""
    age: Numbers
    """(m,) T, in the same unit of time."""
    weight: Numbers
    """(m,) customers."""

    @classmethod
    def grouped(cls, repeats: Counts, last: Counts, age: Counts) -> Pasts:
        """Group customers (m,) by equal figures, in whole units of time."""
        high = int(max(age.max(initial=0), last.max(initial=0))) + 1
        key, weight = np.unique((repeats * high + last) * high + age, return_counts=True)
        rest = key // high
        return cls(rest // high, (rest % high).astype(float), (key % high).astype(float), weight.astype(float))


@dataclass(frozen=True, slots=True)
class BgNbd:
    """A fitted model; time is in the unit of the log it was fitted on."""

    r: float
    alpha: float
    a: float
    b: float
    leaves_at_once: bool
    """Whether one may leave after the first order already: the modified model."""

    @classmethod
    def fit(cls, pasts: Pasts) -> tuple[BgNbd, Fit]:
        """Fit both forms by maximum likelihood and return the likelier one, with how well it fits.

        Raises
        ------
        NoFit
            If the likelihood has no maximum that can be found.
        """
        fits = [cls.fit_form(pasts, leaves_at_once=leaves) for leaves in (False, True)]
        return max(fits, key=lambda found: found[1].log_likelihood)

    @classmethod
    def fit_form(cls, pasts: Pasts, *, leaves_at_once: bool) -> tuple[BgNbd, Fit]:
        """Fit one form by maximum likelihood."""
        unit = float(np.average(pasts.age, weights=pasts.weight)) or 1.0
        scaled = Pasts(pasts.repeats, pasts.last / unit, pasts.age / unit, pasts.weight)
        found = maximize(
            lambda p: _log_likelihood(p, scaled, leaves_at_once=leaves_at_once),
            ("r", "alpha", "a", "b"),
            # In the limits nobody ever leaves, or all order at one rate.
            small=("a",),
            large=("b", "r", "alpha"),
        )
        # The density of x moments in another unit of time is another number.
        moved = found.log_likelihood - float(pasts.weight @ pasts.repeats) * math.log(unit)
        fit = found.rescaled("alpha", unit, log_likelihood=moved)
        r, alpha, a, b = fit.estimate
        return cls(r, alpha, a, b, leaves_at_once), fit

    def alive(self, repeats: Counts, last: Numbers, age: Numbers) -> Numbers:
        """Return (m,): the probability of still being a customer at `age`."""
        # In logarithms, for the ratio to the power of r + x leaves the range of numbers where r is large.
        with np.errstate(divide="ignore"):
            left = np.log(self._chance(repeats)) + (repeats + self.r) * np.log1p((age - last) / (self.alpha + last))
        return np.asarray(expit(-left), dtype=np.float64)

    def expected(self, repeats: Counts, last: Numbers, age: Numbers, *, ahead: float) -> Numbers:
        """Return (m,): the orders to be expected within `ahead` after `age` (equation 10).

        The hypergeometric function is taken after Euler's transformation, whose terms do not grow with x::

            E = alive · c / (a - 1) · [1 - (1 - z)^(a - 1) ₂F₁(a - 1, c - r - x; c; z)]
            c = a + b + k - 1,   z = ahead / (α + T + ahead)

        Where it gives no number, and where all order at about one rate, the same expectation is integrated.
        """
        a = self.a if abs(self.a - 1) > _NEAR_ONE else 1 + _NEAR_ONE
        z = ahead / (self.alpha + age + ahead)
        c = a + self.b + repeats + self.leaves_at_once - 1
        with np.errstate(all="ignore"):
            shrunk = (1 - z) ** (a - 1) * hyp2f1(a - 1, c - self.r - repeats, c, z)
            found = np.asarray(self.alive(repeats, last, age) * c / (a - 1) * (1 - shrunk), dtype=np.float64)
        lost = ~np.isfinite(found) | (self.r > _ALIKE)
        if lost.any():
            integrated = self._integrated(repeats[lost], age[lost], ahead=ahead)
            found[lost] = self.alive(repeats[lost], last[lost], age[lost]) * integrated
        return found

    def returns(self, repeats: Counts, last: Numbers, age: Numbers, *, ahead: float) -> Numbers:
        """Return (m,): the probability of at least one order within `ahead` after `age`."""
        silent = ((self.alpha + age) / (self.alpha + age + ahead)) ** (self.r + repeats)
        return np.asarray(self.alive(repeats, last, age) * (1 - silent), dtype=np.float64)

    def _integrated(self, repeats: Counts, age: Numbers, *, ahead: float) -> Numbers:
        """Return (m,): the orders within `ahead` of who is a customer at `age`.

        For the probability p of leaving they are (1 - (1 + p h / (α + T))^-(r + x)) / p, between 0 and
        h (r + x) / (α + T); p is beta distributed (a, b + k), and Gauss's nodes are laid over its quantiles.
        """
        nodes, weights = roots_legendre(_NODES)
        until, rest = self.alpha + age, self.r + repeats
        few, place = np.unique(repeats, return_inverse=True)
        left_after = self.b + few + self.leaves_at_once
        orders = np.zeros(len(repeats))
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
            # Below this p the expression is its limit; a smaller one would divide 0 by 0.
            leaving = betaincinv(self.a, left_after, (node + 1) / 2).clip(min=1e-12)[place]
            orders += weight / 2 * -np.expm1(-rest * np.log1p(leaving * ahead / until)) / leaving
        return orders

    def _chance(self, repeats: Counts) -> Numbers:
        """Return (m,): a / (b + k - 1), and 0 for who had no chance to leave."""
        chances = repeats + self.leaves_at_once
        return np.where(chances > 0, self.a / (self.b + np.maximum(chances, 1) - 1), 0.0)


def _log_likelihood(parameters: Numbers, pasts: Pasts, *, leaves_at_once: bool) -> tuple[float, Numbers]:
    """Return the log-likelihood and its gradient by (r, α, a, b)."""
    r, alpha, a, b = parameters
    x, k = pasts.repeats, pasts.repeats + leaves_at_once
    # Gamma functions depend on x alone, which takes few values.
    at = np.arange(int(x.max(initial=0)) + 2)
    rest = r + x
    log_t, log_last = np.log(alpha + pasts.age), np.log(alpha + pasts.last)
    stays = -rest * log_t
    with np.errstate(divide="ignore"):
        leaves = np.where(k > 0, np.log(a) - np.log(b + np.maximum(k, 1) - 1) - rest * log_last, -np.inf)
    either = np.logaddexp(stays, leaves)
    gone = np.exp(leaves - either)
    here = 1 - gone
    buying = (gammaln(r + at) - gammaln(r))[x] + r * np.log(alpha)
    staying = (gammaln(b + at) - gammaln(a + b + at))[k] + gammaln(a + b) - gammaln(b)
    rates = (digamma(r + at) - digamma(r))[x] + np.log(alpha) - here * log_t - gone * log_last
    by_alpha = r / alpha - rest * (here / (alpha + pasts.age) + gone / (alpha + pasts.last))
    whole = digamma(a + b) - digamma(a + b + at)[k]
    by_a = whole + gone / a
    by_b = whole + (digamma(b + at) - digamma(b))[k] - gone / (b + np.maximum(k, 1) - 1)
    value = float(pasts.weight @ (buying + staying + either))
    return value, np.array([pasts.weight @ part for part in (rates, by_alpha, by_a, by_b)])
