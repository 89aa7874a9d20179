"""Recall@k: how much of what the user bought stands in the list?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.metrics.relevance import Relevance


def recall(relevance: Relevance, *, classic: bool = False) -> npt.NDArray[np.float64]:
    """Return each user's hits divided by the hits attainable in k places, 0 to 1.

    ``hits / min(k, n_relevant)``: someone who bought forty items can still reach 1 in a list of ten.
    With ``classic=True`` the divisor is ``n_relevant``, as most papers have it.

    >>> one_hit = Relevance(np.array([[True, False]]), np.array([4]))
    >>> recall(one_hit), recall(one_hit, classic=True)
    (array([0.5]), array([0.25]))
    """
    return relevance.n_hits / (relevance.n_relevant if classic else relevance.attainable)
