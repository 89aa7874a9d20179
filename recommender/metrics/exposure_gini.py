"""Exposure Gini@k: is all the attention given to a few items?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.item_lists import ItemLists


def exposure_gini(rankings: ItemLists, *, k: int, recommendable: npt.NDArray[np.bool_]) -> float:
    """Return the Gini index of how often each recommendable item stands in the first `k` places, 0 to 1.

    0 if every item is shown equally often, towards 1 if one item takes every place (Castells, Hurley & Vargas 2015).
    Coverage says whether an item is shown at all, this how evenly. A property of all lists together; nothing shown
    is shown evenly, which is 0. `recommendable` is (n_items,).

    >>> everything = np.ones(4, dtype=np.bool_)
    >>> exposure_gini(ItemLists.from_rows([[0, 1], [2, 3]]), k=2, recommendable=everything)
    0.0
    >>> exposure_gini(ItemLists.from_rows([[0], [0]]), k=1, recommendable=everything)
    0.75
    """
    shown = np.bincount(rankings.top(k).item, minlength=len(recommendable))[recommendable]
    if not shown.any():
        return 0.0
    # G = Σ_j (2j − n − 1) x_j / (n Σ x), x ascending, j counted from 1
    n = len(shown)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float((weights * np.sort(shown)).sum() / (n * shown.sum()))
