"""Ranking metrics, one per file.

Per-user metrics take a `Relevance` and return a vector (n_users,), so that a mean, an interval and a
break-down by customer value all come from the same numbers. `coverage` is a single figure.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from recommender.metrics.average_precision import average_precision
from recommender.metrics.coverage import coverage
from recommender.metrics.hit_rate import hit_rate
from recommender.metrics.ndcg import ndcg
from recommender.metrics.novelty import novelty
from recommender.metrics.precision import precision
from recommender.metrics.recall import recall
from recommender.metrics.relevance import Relevance

PER_USER: Mapping[str, Callable[[Relevance], npt.NDArray[np.float64]]] = MappingProxyType(
    {
        "ndcg": ndcg,
        "recall": recall,
        "precision": precision,
        "map": average_precision,
        "hit_rate": hit_rate,
    }
)
"""Accuracy metrics by the name tables and settings use, the most telling first."""

__all__ = [
    "PER_USER",
    "Relevance",
    "average_precision",
    "coverage",
    "hit_rate",
    "ndcg",
    "novelty",
    "precision",
    "recall",
]
