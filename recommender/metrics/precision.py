"""Precision@k: how much of the list is right?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.metrics.relevance import Relevance


def precision(relevance: Relevance) -> npt.NDArray[np.float64]:
    """Return each user's hits divided by k, 0 to 1; a place a short ranking leaves empty counts as wrong.

    >>> precision(Relevance(np.array([[True, False, False, True]]), np.array([2])))
    array([0.5])
    """
    return relevance.n_hits / relevance.k
