"""nDCG@k: do the right items stand near the top?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.metrics.relevance import Relevance


def ndcg(relevance: Relevance) -> npt.NDArray[np.float64]:
    """Return each user's normalised discounted cumulative gain (Järvelin & Kekäläinen 2002), 0 to 1.

    The ideal ranking is cut at ``min(k, n_relevant)``, so whoever gets k right items out of k scores 1.

    >>> ndcg(Relevance(np.array([[True, False, True]]), np.array([2]))).round(4)
    array([0.9197])
    """
    # DCG = Σ_i hit_i / log2(i + 1), places i counted from 1; nDCG = DCG / DCG of the ideal ranking
    discount = 1.0 / np.log2(np.arange(2, relevance.k + 2))
    ideal = np.cumsum(discount)
    # Summed in the order of the ideal, so that a perfect ranking is exactly 1.
    gain: npt.NDArray[np.float64] = np.cumsum(relevance.hits * discount, axis=1)[:, -1]
    return gain / ideal[relevance.attainable - 1]
