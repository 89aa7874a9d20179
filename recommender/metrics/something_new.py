"""Something new@k: does the list hold anything the user has never bought?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.item_lists import ItemLists


def something_new(rankings: ItemLists, *, k: int, owned: ItemLists) -> npt.NDArray[np.float64]:
    """Return 1 for each user with at least one item among the first `k` that they do not own, else 0.

    Its mean is the share of slates that offer a discovery. `owned` has one row per ranking.

    >>> lists = ItemLists.from_rows([[0, 1], [0, 1]])
    >>> something_new(lists, k=2, owned=ItemLists.from_rows([[0, 1, 2], [0]]))
    array([0., 1.])
    """
    unowned = rankings.top(k).without(owned)
    return (unowned.lengths > 0).astype(np.float64)
