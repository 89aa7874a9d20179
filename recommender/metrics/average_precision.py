"""Average precision@k: precision at the place of every hit; its mean over users is MAP@k."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.metrics.relevance import Relevance


def average_precision(relevance: Relevance) -> npt.NDArray[np.float64]:
    """Return each user's average precision, 0 to 1.

    >>> average_precision(Relevance(np.array([[True, False, True]]), np.array([2]))).round(4)
    array([0.8333])
    """
    # AP = 1 / min(k, n_relevant) · Σ_i hit_i · (hits up to place i) / i
    places = np.arange(1, relevance.k + 1)
    at_hits = np.cumsum(relevance.hits, axis=1) * relevance.hits / places
    total: npt.NDArray[np.float64] = at_hits.sum(axis=1)
    return total / relevance.attainable
