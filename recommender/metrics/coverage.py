"""Catalogue coverage@k: what share of the catalogue is recommended to anybody at all?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.item_lists import ItemLists


def coverage(rankings: ItemLists, *, k: int, recommendable: npt.NDArray[np.bool_]) -> float:
    """Return the share of the recommendable items that stand in the first `k` places of some ranking, 0 to 1.

    A property of all lists together, not a mean over users: it has no per-user value.
    `recommendable` is (n_items,).

    >>> coverage(ItemLists.from_rows([[0, 1], [1, 2]]), k=1, recommendable=np.array([True, True, True, True]))
    0.5
    """
    shown = np.zeros(len(recommendable), dtype=np.bool_)
    shown[rankings.top(k).item] = True
    n_recommendable = int(recommendable.sum())
    return float((shown & recommendable).sum() / n_recommendable) if n_recommendable else 0.0
