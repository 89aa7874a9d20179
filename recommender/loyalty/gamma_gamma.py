"""What an order is worth: the gamma-gamma model of Fader & Hardie (2013).

Spending varies around each customer's own mean as a gamma distribution of shape p, and these means vary between
customers (q, γ). For n orders of mean m̄ (equations 1a and 5)::

    L = Γ(pn + q) / (Γ(pn) Γ(q)) · γ^q m̄^(pn - 1) n^(pn) / (γ + n m̄)^(pn + q)
    E(M | m̄, n) = p (γ + n m̄) / (pn + q - 1)

A customer of few orders is taken to be nearer to the shop's mean. How much is spent is assumed to say nothing of how
often. q is kept above 1, where the shop's mean is finite.

Fader & Hardie, The Gamma-Gamma Model of Monetary Value, http://www.brucehardie.com/notes/025/, 2013.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln

from recommender.loyalty.likelihood import Fit, NoFit, maximize

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

LEAST_SPREAD = 1e-3
"""Relative spread of mean spending below which everybody spends the same."""


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A fitted model of spending per order."""

    p: float
    q: float
    gamma: float

    @classmethod
    def fit(cls, orders: Counts, mean_money: Numbers) -> tuple[GammaGamma, Fit]:
        """Fit to customers (m,) by maximum likelihood; who never paid anything is left out.

        Raises
        ------
        NoFit
            If everybody spends the same, or the likelihood has no maximum.
        """
        paying = (mean_money > 0) & (orders > 0)
        n, money = orders[paying], mean_money[paying]
        unit = float(np.average(money, weights=n)) if len(money) else 0.0
        if not unit or float(money.std()) < LEAST_SPREAD * unit:
            raise NoFit("all customers spend the same per order")
        scaled = money / unit
        found = maximize(lambda p: _log_likelihood(p, n, scaled), ("p", "q - 1", "gamma"))
        value = found.log_likelihood - len(money) * math.log(unit)
        fit = found.rescaled("gamma", unit, log_likelihood=value)
        p, beyond, gamma = fit.estimate
        model = cls(p, 1 + beyond, gamma)
        return model, dataclasses.replace(fit, names=("p", "q", "gamma"), estimate=(p, model.q, gamma))

    @property
    def mean(self) -> float:
        """What a customer nobody knows spends per order."""
        return self.p * self.gamma / (self.q - 1)

    def expected(self, orders: Counts, mean_money: Numbers) -> Numbers:
        """Return (m,): what each customer will spend per order."""
        return np.asarray(
            self.p * (self.gamma + orders * mean_money) / (self.p * orders + self.q - 1), dtype=np.float64
        )


def _log_likelihood(parameters: Numbers, n: Counts, money: Numbers) -> tuple[float, Numbers]:
    """Return the log-likelihood and its gradient by (p, q - 1, γ)."""
    p, q, gamma = parameters[0], 1 + parameters[1], parameters[2]
    at = np.arange(int(n.max()) + 1).clip(min=1)
    pn = p * n
    log_sum, log_share = np.log(gamma + n * money), np.log(n * money)
    value = (gammaln(p * at + q) - gammaln(p * at))[n] - gammaln(q) + q * np.log(gamma)
    value = value + pn * log_share - np.log(money) - (pn + q) * log_sum
    both, own = digamma(p * at + q)[n], digamma(p * at)[n]
    by_p = n * (both - own + log_share - log_sum)
    by_q = both - digamma(q) + np.log(gamma) - log_sum
    by_gamma = q / gamma - (pn + q) / (gamma + n * money)
    return float(value.sum()), np.array([by_p.sum(), by_q.sum(), by_gamma.sum()])
