"""Alternating least squares in our own code, compiled by Numba: the one file that imports it.

It minimises what `implicit` minimises, in a fraction of the time, and it alone can scale regularization with the
frequency of a row (`recommender.regularization`). In one half of an iteration the vectors V (n, f) of one side are
fixed and every row of the other side, X, solves

    (VᵀV + Σᵢ dᵢ vᵢvᵢᵀ + λI) x = Σᵢ (1 + dᵢ) vᵢ        over its own entries i, with dᵢ = cᵢ − 1.

The matrix VᵀV, dense and the same for all rows, is what costs: f² for each row and step of a conjugate gradient.
But scores do not change when both sides are rotated, so both are rotated by the eigenvectors Q of VᵀV = Q diag(s) Qᵀ.
From then on it is the diagonal matrix diag(s): f for each row and step. Divided by diag(s) + λ ("preconditioned") a
row without entries is solved in no step, others in few, and two steps from the last iteration's vectors do.

Rows are independent of each other, and blocks of them have the same size on every machine. So the result is the same
to the bit for any number of threads. Threads are Python's own: the compiled loop lets go of the interpreter's lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommender.errors import InvalidInput
from recommender.factors import Factors
from recommender.matrix import InteractionMatrix
from recommender.regularization import frequency_scaling
from training.progress import Progress
from training.settings import AlsSettings

Array = npt.NDArray[np.float32]
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

CG_STEPS = 2
"""Of each row in each iteration: enough, because each begins where the last one ended."""

SETTLED = np.float32(1e-12)
"""The squared error, relative to the squared vector, at which a row is taken for solved."""

_TASK_ENTRIES = 65_536
_BLOCK_ROWS = 16_384
_FLAGS = {"reassoc", "contract", "nsz", "arcp"}
"""What a compiler needs to vectorise a sum; it must not assume that no number is NaN."""


class NumbaAls:
    """Fits factors on the processor, with all its cores or as many as `threads` says."""

    def __init__(self, settings: AlsSettings, *, threads: int | None = None) -> None:
        self.settings = settings
        self.threads = threads or _cores()

    @property
    def libraries(self) -> Mapping[str, str]:
        """The versions of Numba and of its compiler."""
        return {"llvmlite": version("llvmlite"), "numba": version("numba")}

    def prepare(self, progress: Progress) -> None:
        """Compile what is not compiled yet; the outcome is kept on disk for the next time."""
        with progress.step("compile"):
            one = np.ones((1, 1), dtype=np.float32)
            side = _Side.of(csr_matrix(one), np.ones(1), one)
            for task in side.tasks(1):
                _solve_rows(side.entries, side.vectors, one, one[0], task)

    def fit(self, matrix: InteractionMatrix, *, advance: Callable[[], None] = lambda: None) -> Factors:
        """Return the factors of `matrix`; `advance` is called after each iteration.

        Raises
        ------
        InvalidInput
            If the numbers diverged.
        """
        c = csr_matrix(matrix.confidence)
        users, items = self._sides(c)
        with _Workers.of(self.threads) as workers, self._divergence_named():
            for _ in range(self.settings.iterations if c.nnz else 0):
                workers.solve(users, items, steps=CG_STEPS)
                workers.solve(items, users, steps=CG_STEPS)
                advance()
            # So that a user's stored vector is the one `Factors.fold_in` gives, and no shelf jumps at a click.
            workers.solve(users, items, steps=2 * self.settings.factors)
            workers.eigen(users.vectors)  # raises if they are no numbers; the items' were looked at on the way
        scaling, _ = frequency_scaling(c, self.settings.frequency_scaling)
        return Factors(users.vectors, items.vectors, self.settings.regularization, scaling)

    @contextmanager
    def _divergence_named(self) -> Iterator[None]:
        try:
            yield
        except FloatingPointError:
            raise InvalidInput(
                f"the factors diverged with factors = {self.settings.factors} and "
                f"regularization = {self.settings.regularization}; raise regularization or lower factors in [als]"
            ) from None

    def _sides(self, c: csr_matrix) -> tuple[_Side, _Side]:
        """Return users and items with random vectors of length about 1; those of strangers are zero and stay so."""
        rng = np.random.default_rng(self.settings.seed)
        sides = []
        for rows, scaling in zip((c, c.T.tocsr()), frequency_scaling(c, self.settings.frequency_scaling), strict=True):
            entries = rows.getnnz(axis=1)
            shape = (len(entries), self.settings.factors)
            vectors = rng.standard_normal(shape, dtype=np.float32) / np.sqrt(np.float32(self.settings.factors))
            vectors[entries == 0] = 0
            sides.append(_Side.of(rows, self.settings.regularization * scaling.of_rows(entries), vectors))
        users, items = sides
        return users, items


class _Entries(NamedTuple):
    """What is known of one side, row by row. (A tuple, because compiled code reads no dataclass.)"""

    indptr: npt.NDArray[np.int64]
    column: npt.NDArray[np.int32]
    extra: Array
    """(entries,) d = c − 1."""
    pull: Array
    """(n,) λ of each row."""


class _Task(NamedTuple):
    """Some rows, and how many steps each may take."""

    start: int
    stop: int
    steps: int


@dataclass(slots=True, eq=False)
class _Side:
    """Users or items."""

    entries: _Entries
    vectors: Array
    """(n, f)"""

    @classmethod
    def of(cls, rows: csr_matrix, pull: npt.NDArray[np.float64], vectors: Array) -> _Side:
        extra = np.asarray(rows.data, dtype=np.float32) - np.float32(1)
        column = rows.indices.astype(np.int32)
        return cls(_Entries(rows.indptr.astype(np.int64), column, extra, pull.astype(np.float32)), vectors)

    def tasks(self, steps: int) -> Iterator[_Task]:
        """Cut the rows into runs that cost about the same; a very long row is one of its own."""
        cost = self.entries.indptr + np.arange(len(self.entries.indptr))
        start = 0
        while start < len(self.vectors):
            end = int(np.searchsorted(cost, cost[start] + _TASK_ENTRIES, side="right")) - 1
            end = max(end, start + 1)
            yield _Task(start, end, steps)
            start = end


@dataclass(frozen=True, slots=True)
class _Workers:
    """The threads that share the work."""

    pool: ThreadPoolExecutor

    @classmethod
    @contextmanager
    def of(cls, threads: int) -> Iterator[_Workers]:
        with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(threads, "numba-als") as pool:
            yield cls(pool)

    def solve(self, side: _Side, fixed: _Side, *, steps: int) -> None:
        """Improve the vectors of `side` by at most `steps` steps each, and turn both sides alike."""
        # VᵀV = Q diag(s) Qᵀ; then V ← VQ and X ← XQ
        s, Q = self.eigen(fixed.vectors)
        for turned in (side, fixed):
            turned.vectors = self._rotated(turned.vectors, Q.astype(np.float32))
        dense = np.maximum(s, 0).astype(np.float32)
        self._each(lambda task: _solve_rows(side.entries, side.vectors, fixed.vectors, dense, task), side.tasks(steps))

    def eigen(self, V: Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the eigenvalues (f,) and eigenvectors (f, f) of VᵀV.

        Raises
        ------
        FloatingPointError
            If V is not finite.
        """
        gram = sum(self._each(lambda rows: _gram_of(V[rows]), _blocks(len(V))), np.zeros((V.shape[1], V.shape[1])))
        if not np.isfinite(gram).all():
            raise FloatingPointError
        s, Q = np.linalg.eigh(gram)
        return s, Q

    def _rotated(self, V: Array, Q: Array) -> Array:
        turned = np.empty_like(V)
        self._each(lambda rows: np.matmul(V[rows], Q, out=turned[rows]), _blocks(len(V)))
        return turned

    def _each(self, work: Callable[[T], Any], parts: Iterator[T]) -> list[Any]:
        return list(self.pool.map(work, parts))


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK_ROWS) for start in range(0, n, _BLOCK_ROWS))


def _gram_of(V: Array) -> npt.NDArray[np.float64]:
    wide = V.astype(np.float64)
    gram: npt.NDArray[np.float64] = wide.T @ wide
    return gram


def _compiled(function: F) -> F:
    """Compile at the first call, and keep the outcome on disk for the next program."""
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FLAGS)(function))


@_compiled
def _solve_rows(entries: _Entries, X: Array, V: Array, s: Array, task: _Task) -> None:
    """Improve some rows of X by at most so many steps each, fewer where they are solved."""
    f, longest = V.shape[1], 0
    for u in range(task.start, task.stop):
        longest = max(longest, entries.indptr[u + 1] - entries.indptr[u])
    near = np.empty((longest, f), np.float32)  # a row's vectors side by side, collected once from all over V
    r, p, minus_Ap = np.empty(f, np.float32), np.empty(f, np.float32), np.empty(f, np.float32)
    for u in range(task.start, task.stop):
        own = slice(entries.indptr[u], entries.indptr[u + 1])
        row = (near, entries.extra[own])
        if not len(row[1]):
            continue
        _collect(V, entries.column[own], near)
        x, D = X[u], s + entries.pull[u]
        W = np.float32(1) / D
        _right_minus_left(row, D, x, np.float32(1), r)
        for k in range(f):
            p[k] = W[k] * r[k]
        rz, enough = _norm(r, W), SETTLED * _norm(x, D)
        for _ in range(task.steps):
            if rz <= enough:
                break
            _right_minus_left(row, D, p, np.float32(0), minus_Ap)
            step = -rz / _dot(p, minus_Ap)
            for k in range(f):
                x[k] += step * p[k]
                r[k] += step * minus_Ap[k]
            before = rz
            rz = _norm(r, W)
            turn = rz / before
            for k in range(f):
                p[k] = W[k] * r[k] + turn * p[k]


@_compiled
def _collect(V: Array, column: npt.NDArray[np.int32], near: Array) -> None:
    for j in range(len(column)):
        v, place = V[column[j]], near[j]
        for k in range(len(v)):
            place[k] = v[k]


@_compiled
def _right_minus_left(row: tuple[Array, Array], D: Array, x: Array, right: np.float32, r: Array) -> None:
    """Set r = right · Σ (1 + d) v − (D x + Σ d (v·x) v), four entries at a time, so that r is read less often."""
    near, d = row
    f, n = len(x), len(d)
    for k in range(f):
        r[k] = -D[k] * x[k]
    fours = n - n % 4
    for j in range(0, fours, 4):
        v0, v1, v2, v3 = near[j], near[j + 1], near[j + 2], near[j + 3]
        t0, t1, t2, t3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for k in range(f):
            t0 += v0[k] * x[k]
            t1 += v1[k] * x[k]
            t2 += v2[k] * x[k]
            t3 += v3[k] * x[k]
        t0 = right + d[j] * (right - t0)
        t1 = right + d[j + 1] * (right - t1)
        t2 = right + d[j + 2] * (right - t2)
        t3 = right + d[j + 3] * (right - t3)
        for k in range(f):
            r[k] += t0 * v0[k] + t1 * v1[k] + t2 * v2[k] + t3 * v3[k]
    for j in range(fours, n):
        v = near[j]
        t = right + d[j] * (right - _dot(v, x))
        for k in range(f):
            r[k] += t * v[k]


@_compiled
def _dot(a: Array, b: Array) -> np.float32:
    total = np.float32(0)
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@_compiled
def _norm(a: Array, weight: Array) -> np.float32:
    total = np.float32(0)
    for k in range(len(a)):
        total += weight[k] * a[k] * a[k]
    return total


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
