"""Ranking metrics, one per file.

Per-user metrics take a `Relevance` and return a vector (n_users,), so that a mean, an interval and a
break-down by customer value all come from the same numbers. What looks beyond accuracy takes the lists themselves:
diversity, freshness and novelty per user, `coverage` and `exposure_gini` as one figure for all lists together.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from recommender.metrics.average_precision import average_precision
from recommender.metrics.by_title import relevance_by_title
from recommender.metrics.category_diversity import category_diversity
from recommender.metrics.coverage import coverage
from recommender.metrics.exposure_gini import exposure_gini
from recommender.metrics.freshness import freshness, item_age
from recommender.metrics.hit_rate import hit_rate
from recommender.metrics.ndcg import ndcg
from recommender.metrics.novelty import novelty
from recommender.metrics.precision import precision
from recommender.metrics.recall import recall
from recommender.metrics.relevance import Relevance
from recommender.metrics.repeated_categories import repeated_categories
from recommender.metrics.something_new import something_new
from recommender.metrics.vector_diversity import vector_diversity

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
    "category_diversity",
    "coverage",
    "exposure_gini",
    "freshness",
    "hit_rate",
    "item_age",
    "ndcg",
    "novelty",
    "precision",
    "recall",
    "relevance_by_title",
    "repeated_categories",
    "something_new",
    "vector_diversity",
]
