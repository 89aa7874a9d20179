"""The best few of many scores.

`top_k` is a cut, a partition and a sort of the few that are left, O(n + k log k). It is a function of the scores
alone: equal scores are ordered by item index, so the same model gives the same list on every machine.
A ranking is as long as there are items to rank: nothing is padded, and masked items do not come back with a low score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput

_GROUPS_PER_PLACE = 8
"""Groups per wanted item: with fewer, the best values share groups and the floor is low."""

_MOST_PER_GROUP = 64
"""Larger groups save nothing: what remains of 65,000 values is a thousand."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Items with their scores, best first; ties by ascending item index."""

    item: npt.NDArray[np.int32]
    """(k,) dense item indices, each once."""
    score: npt.NDArray[np.float32]
    """(k,) finite, descending."""

    def __len__(self) -> int:
        return len(self.item)


def top_k(
    scores: npt.NDArray[np.floating[Any]],
    k: int,
    *,
    keep: npt.NDArray[np.bool_] | None = None,
    exclude: npt.NDArray[np.integer[Any]] | None = None,
) -> Ranked:
    """Return the `k` best items, or fewer if fewer can be ranked.

    Parameters
    ----------
    scores
        (n,) floating, compared as float32. Items whose score is NaN or infinite are never returned.
    k
        How many items to return at most.
    keep
        (n,) bool; only items where it is true are ranked.
    exclude
        (m,) item indices that are not ranked, in any order and with repeats.

    Raises
    ------
    InvalidInput
        If `k` is negative, `exclude` holds what is no index of an item, or `keep` is not as long as `scores`.

    Examples
    --------
    >>> ranked = top_k(np.array([0.1, 0.7, np.nan, 0.7, 0.9]), 3, exclude=np.array([4]))
    >>> ranked.item.tolist()
    [1, 3, 0]
    """
    if k < 0:
        raise InvalidInput(f"k is {k}; a ranking has 0 items or more")
    values = _rankable(scores, keep, exclude)
    threshold = _kth_best(values, k)
    better = np.flatnonzero(values > threshold)
    # Ascending -value puts the best first; a stable sort leaves ties in the order of their index.
    better = better[np.argsort(-values[better], kind="stable")]
    level = np.flatnonzero(values == threshold)[: k - len(better)] if np.isfinite(threshold) else better[:0]
    best = np.concatenate([better, level])
    return Ranked(best.astype(np.int32), values[best])


def best_of(item: npt.NDArray[np.integer[Any]], score: npt.NDArray[np.float32], k: int) -> Ranked:
    """Return the `k` best of some items, or all if there are fewer; ties by ascending item index.

    Parameters
    ----------
    item
        (m,) item indices in any order, each once.
    score
        (m,) finite.
    k
        How many items to return at most.
    """
    if 0 < k < len(score):
        stays = score >= _kth_best(score, k)
        item, score = item[stays], score[stays]
    order = np.lexsort((item, -score))[:k]
    return Ranked(item[order].astype(np.int32), score[order])


def _rankable(
    scores: npt.NDArray[np.floating[Any]],
    keep: npt.NDArray[np.bool_] | None,
    exclude: npt.NDArray[np.integer[Any]] | None,
) -> npt.NDArray[np.float32]:
    """Return a float32 copy of the scores with −∞ for everything that may not be ranked."""
    values = np.array(scores, dtype=np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        values[~finite] = -np.inf
    if keep is not None:
        if keep.shape != values.shape:
            raise InvalidInput(f"keep has shape {keep.shape}, the scores {values.shape}")
        values[~keep] = -np.inf
    if exclude is not None and len(exclude):
        for extreme in (int(exclude.min()), int(exclude.max())):
            if not 0 <= extreme < len(values):
                raise InvalidInput(f"exclude holds {extreme}, but there are {len(values)} items, counted from 0")
        values[exclude] = -np.inf
    return values


def _kth_best(values: npt.NDArray[np.float32], k: int) -> float:
    if k == 0:
        return float(np.inf)
    if k >= len(values):
        return float(-np.inf)
    floor = _floor(values, k)
    above = values[values > floor]
    if len(above) < k:
        return floor
    place = len(above) - k
    return float(np.partition(above, place)[place])


def _floor(values: npt.NDArray[np.float32], k: int) -> float:
    """Return a value that the `k`-th best is not below, and most others are.

    The k-th best of the maxima of disjoint groups is one. Without it a partition would be slow just where scores are
    sparse: it takes twenty times longer over zeros that are all alike.
    """
    depth = min(len(values) // (_GROUPS_PER_PLACE * k), _MOST_PER_GROUP)
    if depth < 2:
        return float(values.min())
    return _kth_best(values[: len(values) // depth * depth].reshape(depth, -1).max(axis=0), k)
