"""Category diversity@k: how often do two items of one list come from different categories?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.item_lists import ItemLists
from recommender.metrics.repeated_categories import occurrence_in_row


def category_diversity(rankings: ItemLists, *, k: int, category: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Return, for each user, the share of the pairs of the first `k` items that differ in category, 0 to 1.

    Intra-list diversity (Castells, Hurley & Vargas 2015), the complement of the intra-list similarity of Ziegler et
    al. 2005, with the distance 1 for two categories and 0 for one. An unknown category equals no other. A list of
    fewer than two items has no pairs and diversity 0.

    >>> lists = ItemLists.from_rows([[0, 1, 2], [3]])
    >>> category_diversity(lists, k=3, category=np.array([5, 5, 6, 6], dtype=np.int32)).round(4)
    array([0.6667, 0.    ])

    Parameters
    ----------
    rankings
        n_users lists, best first.
    k
        How many places are looked at.
    category
        (n_items,) a number per category, −1 where it is unknown.
    """
    top = rankings.top(k)
    # Every item meets each earlier one of its category once: the sum is the number of equal pairs.
    equal = np.bincount(top.rows(), weights=occurrence_in_row(top, category), minlength=len(top))
    pairs = top.lengths * (top.lengths - 1) / 2
    return np.where(pairs > 0, 1 - equal / np.maximum(pairs, 1), 0.0)
