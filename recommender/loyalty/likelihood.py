"""Fitting positive parameters by maximum likelihood, with their standard errors.

Parameters are searched as logarithms, where they cannot turn negative, by L-BFGS-B with the analytic gradient. Standard
errors come from the observed information: the differences of the gradient around the maximum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import RecommenderError

Numbers = npt.NDArray[np.float64]

LIMITS = (1e-4, 1e5)
"""Between which a parameter is searched."""

_STEP = 1e-4
"""Of a difference of gradients, in logarithms."""


class NoFit(RecommenderError):
    """A model cannot be fitted to this log; the message says why."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Where the maximum is, and how sure that is."""

    names: tuple[str, ...]
    estimate: tuple[float, ...]
    error: tuple[float | None, ...]
    """Standard errors; None where the likelihood is flat."""
    log_likelihood: float
    n: float
    """Evaluations of the likelihood it took."""

    def rescaled(self, name: str, unit: float, *, log_likelihood: float) -> Fit:
        """Return the same fit with one parameter in units of `unit`."""
        factor = [unit if each == name else 1.0 for each in self.names]
        estimate = tuple(value * by for value, by in zip(self.estimate, factor, strict=True))
        error = tuple(None if e is None else e * by for e, by in zip(self.error, factor, strict=True))
        return Fit(self.names, estimate, error, log_likelihood, self.n)

    def named(self) -> Mapping[str, float]:
        """Return the estimates by name."""
        return dict(zip(self.names, self.estimate, strict=True))


def maximize(
    likelihood: Callable[[Numbers], tuple[float, Numbers]],
    names: Sequence[str],
    *,
    small: Collection[str] = (),
    large: Collection[str] = (),
) -> Fit:
    """Return the maximum of `likelihood`, which gives a value and its gradient by the parameters, from 1 everywhere.

    Those in `small` may end at the lower edge, those in `large` at the upper one: where a model has a limit there that
    means something, such as a shop that nobody ever leaves.

    Raises
    ------
    NoFit
        If the search does not settle, or settles at another edge.
    """
    from scipy.optimize import minimize  # takes a while, and only training fits

    def loss(logs: Numbers) -> tuple[float, Numbers]:
        parameters = np.exp(logs)
        value, gradient = likelihood(parameters)
        return -float(value), -gradient * parameters

    start = np.zeros(len(names))
    scale = abs(loss(start)[0]) or 1.0
    found = minimize(
        lambda logs: tuple(part / scale for part in loss(logs)),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(math.log(LIMITS[0]), math.log(LIMITS[1]))] * len(names),
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9},
    )
    if not np.isfinite(found.fun):
        raise NoFit(f"the likelihood of {', '.join(names)} has no finite value")
    estimate = np.exp(found.x)
    for name, value in zip(names, estimate.tolist(), strict=True):
        if (value < 1.01 * LIMITS[0] and name not in small) or (value > 0.99 * LIMITS[1] and name not in large):
            raise NoFit(f"the likelihood has no maximum: {name} runs to {value:g}")
    return Fit(
        tuple(names), tuple(estimate.tolist()), _errors(loss, found.x), -float(loss(found.x)[0]), float(found.nfev)
    )


def _errors(loss: Callable[[Numbers], tuple[float, Numbers]], logs: Numbers) -> tuple[float | None, ...]:
    """Return the standard errors of the parameters (not of their logarithms: the delta method)."""
    steps = np.eye(len(logs)) * _STEP
    information = np.stack([(loss(logs + step)[1] - loss(logs - step)[1]) / (2 * _STEP) for step in steps])
    try:
        variance = np.diag(np.linalg.inv((information + information.T) / 2))
    except np.linalg.LinAlgError:
        return (None,) * len(logs)
    return tuple(
        float(np.exp(log) * np.sqrt(v)) if v > 0 else None for log, v in zip(logs.tolist(), variance, strict=True)
    )
