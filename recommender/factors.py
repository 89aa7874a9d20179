"""Latent vectors of users and items, and the one linear system that turns a list of purchases into a vector.

The score of item i for user u is the inner product of their vectors (both of length f). With the item vectors Y
(n_items, f) fixed, the vector x of a user whose items have confidences c ≥ 1 solves

    (YᵀY + Yᵀ(C − I)Y + λI) x = YᵀC p        (Hu, Koren & Volinsky 2008, eq. 4)

where p is 1 for the user's items and 0 elsewhere, so that only the rows of their items enter, beside the Gram
matrix YᵀY that is the same for everybody and computed once. This is how a guest, or a user with new events, gets
recommendations without training ("fold-in"), and why each recommendation can name the purchase it rests on.

A guest has looked at three items, and a system of 64 unknowns is more than three items need. With the eigenvectors
YᵀY = Q S Qᵀ, found once, the common part is a diagonal D = S + λI for any λ; with Z the rows of the user's items times
Q, their number m, and W = C − I,

    x = Q D⁻¹ Zᵀ v   where   (I + W Z D⁻¹ Zᵀ) v = C p        (Woodbury's identity)

so that what has to be solved is m × m. For many items the first form is the smaller one.
λ may grow with the number of the user's items: `recommender.regularization`.

A vector of length zero says nothing is known: every score is 0, which is no ranking. Ask `is_cold` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack

from recommender.errors import InvalidInput
from recommender.regularization import PLAIN, FrequencyScaling

Vector = npt.NDArray[np.float32]
Indices = npt.NDArray[np.integer[Any]]
Confidences = npt.NDArray[np.floating[Any]]

_LEAST_REST = 1e-12
"""What is left of an item's direction without it; rounding could make it 0."""

_FEW_ITEMS = 0.5
"""Items per factor up to which the system over items is solved: it is smaller, but takes two more products."""

_BLOCK_ROWS = 16_384
"""Rows widened to float64 at a time: 16 MB at 128 factors."""


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """Trained vectors of all users and items.

    Raises
    ------
    InvalidInput
        If the two matrices differ in width, are not float32 or not finite, or `regularization` is not positive.

    Examples
    --------
    >>> factors = Factors(np.zeros((1, 2), np.float32), np.eye(3, 2, dtype=np.float32), regularization=1.0)
    >>> vector = factors.fold_in(np.array([1]), np.array([3.0]))
    >>> vector.tolist()
    [0.0, 0.75]
    >>> factors.scores(vector).tolist()
    [0.0, 0.75, 0.0]
    """

    user: npt.NDArray[np.float32]
    """(n_users, f)"""
    item: npt.NDArray[np.float32]
    """(n_items, f)"""
    regularization: float
    """λ, the one they were trained with."""
    scaling: FrequencyScaling = PLAIN
    """How λ grows with the number of a user's items."""
    gram: npt.NDArray[np.float64] = field(init=False, repr=False)
    """(f, f) float64: YᵀY of the item vectors."""
    _spectrum: npt.NDArray[np.float64] = field(init=False, repr=False)
    """(f,) float64: S, the eigenvalues of the Gram matrix, none below 0."""
    _axes: npt.NDArray[np.float64] = field(init=False, repr=False)
    """(f, f) float64: Q, the eigenvectors in its columns."""

    def __post_init__(self) -> None:
        if self.user.ndim != 2 or self.item.ndim != 2 or self.user.shape[1] != self.item.shape[1]:
            raise InvalidInput(f"user factors are {self.user.shape}, item factors {self.item.shape}: widths must agree")
        for name, matrix in (("user", self.user), ("item", self.item)):
            if matrix.dtype != np.float32:
                raise InvalidInput(f"{name} factors must be float32, not {matrix.dtype}")
            if not np.isfinite(matrix).all():
                raise InvalidInput(f"{name} factors are not finite; train again with a larger regularization")
        if not 0 < self.regularization < np.inf:
            raise InvalidInput(f"regularization is {self.regularization}; it must be greater than 0")
        gram = _gram(self.item)
        spectrum, axes = np.linalg.eigh(gram)
        for name, value in (("gram", gram), ("_spectrum", np.maximum(spectrum, 0)), ("_axes", axes)):
            object.__setattr__(self, name, value)

    @property
    def size(self) -> int:
        """f, the length of a vector."""
        return int(self.item.shape[1])

    def scores(self, vector: Vector) -> npt.NDArray[np.float32]:
        """Return (n_items,) float32: the score of every item for a user vector (f,)."""
        result: npt.NDArray[np.float32] = self.item @ vector
        return result

    @staticmethod
    def is_cold(vector: Vector) -> bool:
        """Say whether a user vector (f,) holds no knowledge, and so ranks nothing."""
        return not vector.any()

    def fold_in(self, item: Indices, confidence: Confidences) -> Vector:
        """Return (f,) float32: the vector of a user with these items.

        Parameters
        ----------
        item
            (m,) item indices, each once.
        confidence
            (m,) c ≥ 1 of each, as in the matrix the factors were trained on.

        Raises
        ------
        InvalidInput
            If a confidence is below 1 or not finite.
        """
        if not len(item):
            return np.zeros(self.size, dtype=np.float32)
        Y_u = self.item[item].astype(np.float64)
        if len(item) <= self.size * _FEW_ITEMS:
            ZD, system = self._small_system(Y_u, confidence)
            return (self._axes @ (ZD @ _solve_any(system, confidence))).astype(np.float32)
        # x = (YᵀY + Yᵀ(C − I)Y + λI)⁻¹ YᵀC p, eq. 4
        return _solve(self._system(Y_u, confidence), Y_u.T @ confidence).astype(np.float32)

    def contributions(self, item: Indices, confidence: Confidences, target: Indices) -> npt.NDArray[np.float32]:
        """Return (t, m) float32: how much each of a user's `m` items adds to the score of each of `t` targets.

        The rows sum to the scores of the folded-in vector: ``scores(fold_in(item, confidence))[target]``
        (Hu, Koren & Volinsky 2008, section 5). The largest entry of a row is the purchase the score rests on.

        Parameters
        ----------
        item
            (m,) item indices, each once.
        confidence
            (m,) c ≥ 1 of each.
        target
            (t,) item indices to explain.

        Raises
        ------
        InvalidInput
            If a confidence is below 1 or not finite.
        """
        if not len(item) or not len(target):
            return np.zeros((len(target), len(item)), dtype=np.float32)
        Y_u, Y_t = self.item[item].astype(np.float64), self.item[target].astype(np.float64)
        # p̂_ui = Σ_j s_ij c_uj with s_ij = y_iᵀ W y_j and W = (YᵀY + Yᵀ(C − I)Y + λI)⁻¹, section 5
        W_Y_t = _solve(self._system(Y_u, confidence), Y_t.T)
        return ((W_Y_t.T @ Y_u.T) * confidence).astype(np.float32)

    def leaving_out(self, item: Indices, confidence: Confidences) -> npt.NDArray[np.float32]:
        """Return (f, m) float32: what a user's vector loses without each of their `m` items, the others staying.

        Column j is ``fold_in(item, confidence)`` less the same without the j-th item, with λ as it is, so that
        ``self.item[target] @ leaving_out(…)`` is by how much scores fall. This is not an item's share of a score
        (`contributions`): without it the others would be given other shares.

        Parameters
        ----------
        item
            (m,) item indices, each once.
        confidence
            (m,) c ≥ 1 of each.

        Raises
        ------
        InvalidInput
            If a confidence is below 1 or not finite.
        """
        if not len(item):
            return np.zeros((self.size, 0), dtype=np.float32)
        Y_u = self.item[item].astype(np.float64)
        c = np.asarray(confidence, dtype=np.float64)
        W_Y_u = self._inverse_times_own(Y_u, c)
        own_score, leverage = Y_u @ (W_Y_u @ c), (Y_u.T * W_Y_u).sum(axis=0)
        # x − x₋ⱼ = A⁻¹yⱼ (cⱼ − (cⱼ − 1) p̂ⱼ) / (1 − (cⱼ − 1) yⱼᵀA⁻¹yⱼ), by Sherman & Morrison
        step = (c - (c - 1) * own_score) / np.maximum(1 - (c - 1) * leverage, _LEAST_REST)
        lost: npt.NDArray[np.float32] = (W_Y_u * step).astype(np.float32)
        return lost

    def _inverse_times_own(self, Y_u: npt.NDArray[np.float64], c: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return (f, m): A⁻¹ Y_uᵀ, where A = YᵀY + Yᵀ(C − I)Y + λI."""
        if len(Y_u) <= self.size * _FEW_ITEMS:
            # A⁻¹Y_uᵀ = Q D⁻¹ Zᵀ (I + W Z D⁻¹ Zᵀ)⁻¹
            ZD, system = self._small_system(Y_u, c)
            return self._axes @ (ZD @ _solve_any(system, np.eye(len(Y_u))))
        # For more items than factors an inverse is cheaper than so many right-hand sides.
        return _solve(self._system(Y_u, c), np.eye(self.size)) @ Y_u.T

    def _small_system(
        self, Y_u: npt.NDArray[np.float64], confidence: Confidences
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return (f, m) D⁻¹ Zᵀ, and (m, m) I + W Z D⁻¹ Zᵀ."""
        Z = Y_u @ self._axes
        ZD = (Z / (self._spectrum + self._pull(len(Y_u)))).T
        system = _gains(confidence)[:, None] * (Z @ ZD)
        system.flat[:: len(Y_u) + 1] += 1
        return ZD, system

    def _pull(self, entries: int) -> float:
        """Return λ for a user with so many items."""
        return self.regularization * self.scaling.of(entries)

    def _system(self, Y_u: npt.NDArray[np.float64], confidence: Confidences) -> npt.NDArray[np.float64]:
        # YᵀY + Yᵀ(C − I)Y + λI, where C − I is zero outside the user's items
        A: npt.NDArray[np.float64] = self.gram + (Y_u.T * _gains(confidence)) @ Y_u
        A.flat[:: self.size + 1] += self._pull(len(Y_u))
        return A


def _gram(Y: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    YtY = np.zeros((Y.shape[1], Y.shape[1]))
    for start in range(0, len(Y), _BLOCK_ROWS):
        block = Y[start : start + _BLOCK_ROWS].astype(np.float64)
        YtY += block.T @ block
    return YtY


def _gains(confidence: Confidences) -> npt.NDArray[np.float64]:
    """Return (m,) c − 1, the diagonal of C − I."""
    if not ((confidence >= 1) & (confidence < np.inf)).all():
        raise InvalidInput("a confidence is below 1 or not finite; c = 1 + alpha · r, with r ≥ 0")
    gains: npt.NDArray[np.float64] = np.asarray(confidence, dtype=np.float64) - 1
    return gains


def _solve(A: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Solve a symmetric positive definite system; LAPACK directly, since scipy's wrapper costs more than f = 64."""
    _, x, info = lapack.dposv(A, b)
    if info:
        raise InvalidInput("the factors make an unsolvable system; train again with a larger regularization")
    solution: npt.NDArray[np.float64] = x
    return solution


def _solve_any(A: npt.NDArray[np.float64], b: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Solve a system that need not be symmetric."""
    _, _, x, info = lapack.dgesv(A, b)
    if info:
        raise InvalidInput("the factors make an unsolvable system; train again with a larger regularization")
    solution: npt.NDArray[np.float64] = x
    return solution
