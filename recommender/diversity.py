"""Trading a little accuracy for variety, with one dial (maximal marginal relevance, Carbonell & Goldstein 1998).

Places are filled one after the other, each with the candidate that is best after what already stands there::

    next = argmax_i  (1 − d) · relevance_i − d · max_{j chosen} similarity(i, j)

d is the dial: 0 keeps the order of the scores, 1 looks at variety alone. Scores are comparable within one list only,
so they are brought to 0 … 1 first: the best candidate has relevance 1, the last one looked at 0. Two items are
similar by half if they are of one category, and by the other half as far as their vectors point the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput

DEFAULT_CATEGORY_CAP = 4
"""Items of one category on a shelf before the surplus goes to its end."""

POOL = 50
"""How many of the best are looked at. Half of what is stored for a user, so that sold-out items change little."""

UNKNOWN = -1
"""The category of an item that has none; it equals no other, its like included."""


@dataclass(frozen=True, slots=True)
class Variety:
    """How varied the slates of a shop should be.

    Raises
    ------
    InvalidInput
        If the dial is not between 0 and 1, or the cap is not positive.
    """

    diversity: float = 0.0
    """The dial: 0 for accuracy alone, 1 for variety alone."""
    category_cap: int | None = DEFAULT_CATEGORY_CAP
    """Items of one category on a shelf before the surplus goes to its end; None for no limit."""
    one_per_title: bool = True
    """Whether items of one title and category count as one: the others go to the end of the shelf."""

    def __post_init__(self) -> None:
        if not 0 <= self.diversity <= 1:
            raise InvalidInput(f"diversity is {self.diversity}; it must lie between 0 (accuracy) and 1 (variety)")
        if self.category_cap is not None and self.category_cap < 1:
            raise InvalidInput(f"category_cap is {self.category_cap}; it must be at least 1, or None for no limit")


def diversify(
    score: npt.NDArray[np.floating[Any]], similarity: npt.NDArray[np.floating[Any]], *, dial: float, k: int
) -> npt.NDArray[np.intp]:
    """Order candidates so that the first `k` are relevant and unlike each other; the rest follow by score.

    Parameters
    ----------
    score
        (n,) of one list, best first.
    similarity
        (n, n) from 0 (unlike) to 1 (alike); see `similarities`.
    dial
        0 for the order of the scores, 1 for variety alone.
    k
        How many places are filled one by one.

    Returns
    -------
    (n,) positions. Equal candidates keep their order.

    Examples
    --------
    >>> alike = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32)
    >>> diversify(np.array([3.0, 2.9, 1.0]), alike, dial=0.6, k=2).tolist()
    [0, 2, 1]
    """
    n = len(score)
    if dial == 0 or n < 3:
        return np.arange(n)
    gain = (1 - dial) * _relevance(score)
    nearest = np.zeros(n, dtype=np.float64)
    chosen: list[int] = []
    for _ in range(min(k, n)):
        best = int((gain - dial * nearest).argmax())
        chosen.append(best)
        gain[best] = -np.inf
        np.maximum(nearest, similarity[best], out=nearest)
    rest = np.ones(n, dtype=np.bool_)
    rest[chosen] = False
    return np.concatenate([np.array(chosen, dtype=np.intp), np.flatnonzero(rest)])


def similarities(vectors: npt.NDArray[np.float32], category: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Return (n, n) float32, 0 to 1: half for one category, half the cosine of the vectors where it is positive.

    Parameters
    ----------
    vectors
        (n, f) of any length; an item without any (zeros) is like no other by its vector.
    category
        (n,) a number per category, `UNKNOWN` where there is none.
    """
    length = np.sqrt(np.einsum("if,if->i", vectors, vectors))
    unit = vectors / np.where(length > 0, length, 1)[:, None]
    alike: npt.NDArray[np.float32] = np.maximum(unit @ unit.T, 0)
    np.minimum(alike, 1, out=alike)
    alike += (category[:, None] == category) & (category >= 0)
    alike *= np.float32(0.5)
    return alike


def _relevance(score: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Return (n,) the scores stretched to 0 … 1; 1 for all where they are equal."""
    lowest, highest = float(score[-1]), float(score[0])
    if highest <= lowest:
        return np.ones(len(score))
    return (score.astype(np.float64) - lowest) / (highest - lowest)
