"""Claim: our own solver reaches implicit's objective in a fraction of implicit's time.

A made-up purchase log with tastes and bestsellers is factorised by both, in turn, round by round, with the same
settings and each from its own random start. An iteration is timed from one report of progress to the next; *all*
includes the last, exact solution of the users. The objective is that of Hu, Koren & Volinsky (2008, eq. 3), computed
here for both alike.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from dataclasses import dataclass, field

import numpy as np

from benchmarks.made_up_log import made_up_log
from benchmarks.results import Row, Skipped, at_least, at_most, figure
from recommender.factors import Factors
from recommender.matrix import InteractionMatrix
from training.backends import Backend, make_backend
from training.progress import SilentProgress
from training.settings import AlsSettings

USERS, ITEMS, PURCHASES, TASTES = 50_000, 10_000, 1_000_000, 20
QUICK_SHARE = 20
"""A short run has this many times fewer of each."""
ROUNDS, QUICK_ROUNDS = 5, 2
SETTINGS = AlsSettings(factors=64, regularization=5.0, iterations=8)
PEER = "implicit, its default solver (CG, 3 steps)"
BLOCK = 500_000


@dataclass
class Taken:
    """What the fits of one backend took, and where they ended."""

    iteration: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)
    objective: float = 0.0


def measure(*, quick: bool) -> list[Row]:
    """Fit with both backends in turn and compare."""
    if importlib.util.find_spec("numba") is None:
        raise Skipped("numba is not installed: pip install 'regulars[fast]'")
    share = QUICK_SHARE if quick else 1
    matrix = made_up_log(USERS // share, ITEMS // share, PURCHASES // share, tastes=TASTES).matrix
    ours, peer = (make_backend(SETTINGS.model_copy(update={"backend": name})) for name in ("numba", "implicit"))
    ours.prepare(SilentProgress())
    found: dict[str, Taken] = {"ours": Taken(), "implicit": Taken()}
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for name, backend in (("ours", ours), ("implicit", peer)):
            _fit(backend, matrix, found[name])
    return _rows(found["ours"], found["implicit"])


def objective(matrix: InteractionMatrix, factors: Factors) -> float:
    """Return Σ c (p − x·y)² over all pairs + λ Σ |x|² over all rows, without writing down all pairs."""
    c = matrix.confidence.tocoo()
    x, y = factors.user.astype(np.float64), factors.item.astype(np.float64)
    # Σ (x·y)² over all pairs is the sum of the products of the two Gram matrices.
    total = float(np.sum((x.T @ x) * (y.T @ y)))
    for start in range(0, c.nnz, BLOCK):
        rows = slice(start, start + BLOCK)
        score = np.einsum("ij,ij->i", x[c.row[rows]], y[c.col[rows]])
        total += float(np.sum(c.data[rows] * (1 - score) ** 2 - score**2))
    return total + factors.regularization * float(np.sum(x**2) + np.sum(y**2))


def _fit(backend: Backend, matrix: InteractionMatrix, taken: Taken) -> None:
    moments = [time.perf_counter()]
    factors = backend.fit(matrix, advance=lambda: moments.append(time.perf_counter()))
    taken.all.append(time.perf_counter() - moments[0])
    taken.iteration.append(statistics.median(np.diff(moments).tolist()))
    taken.objective = objective(matrix, factors)


def _rows(ours: Taken, peer: Taken) -> list[Row]:
    def ratio(theirs: list[float], mine: list[float]) -> float:
        return statistics.median(a / b for a, b in zip(theirs, mine, strict=True))

    iteration, everything = ratio(peer.iteration, ours.iteration), ratio(peer.all, ours.all)
    objectives = ours.objective / peer.objective
    return [
        figure("one iteration, ours", statistics.median(ours.iteration), "s"),
        figure("one iteration, implicit", statistics.median(peer.iteration), "s"),
        figure("one iteration: implicit / ours", iteration, "×", goal=at_least(1.5), peer=PEER),
        figure("all iterations: implicit / ours", everything, "×", goal=at_least(1.5), peer=PEER),
        figure("objective after them: ours / implicit's", objectives, "", goal=at_most(1.001), peer=PEER),
    ]
