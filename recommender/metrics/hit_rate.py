"""Hit rate@k: is anything in the list right?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.metrics.relevance import Relevance


def hit_rate(relevance: Relevance) -> npt.NDArray[np.float64]:
    """Return 1 for each user with at least one hit, else 0.

    >>> hit_rate(Relevance(np.array([[False, True], [False, False]]), np.array([1, 1])))
    array([1., 0.])
    """
    return np.asarray(relevance.hits.any(axis=1), dtype=np.float64)
