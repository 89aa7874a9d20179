"""Repeated categories@k: how many places show a category that stands higher up already?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.item_lists import ItemLists


def repeated_categories(rankings: ItemLists, *, k: int, category: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Return, for each user, how many of the first `k` places repeat a category, 0 to k − 1.

    A category on four places counts three. An unknown category (−1 in `category`, (n_items,)) repeats nothing.

    >>> lists = ItemLists.from_rows([[0, 1, 2], [3]])
    >>> repeated_categories(lists, k=3, category=np.array([5, 5, 6, 6], dtype=np.int32))
    array([1., 0.])
    """
    top = rankings.top(k)
    repeated = occurrence_in_row(top, category) > 0
    return np.bincount(top.rows(), weights=repeated, minlength=len(top)).astype(np.float64)


def occurrence_in_row(lists: ItemLists, category: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return, for each entry, how many entries before it in its row are of its category; 0 where it is unknown."""
    of_entry = category[lists.item].astype(np.int64)
    key = lists.rows() * (int(category.max(initial=0)) + 1) + of_entry
    key[of_entry < 0] = -1
    order = np.argsort(key, kind="stable")
    grouped = key[order]
    result = np.empty(len(key), dtype=np.int64)
    result[order] = np.arange(len(key)) - grouped.searchsorted(grouped)
    result[of_entry < 0] = 0
    return result
