"""Novelty@k: how far from the bestsellers is the list?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.item_lists import ItemLists


def novelty(rankings: ItemLists, *, k: int, buyers: npt.NDArray[np.int64], n_users: int) -> npt.NDArray[np.float64]:
    """Return each user's mean self-information of the first `k` items, in bits, at least 0.

    ``−log2((buyers + 1) / (n_users + 1))`` (Vargas & Castells 2011): 0 bits for an item everybody bought,
    one bit more for each halving of its buyers. The added one keeps an item without buyers finite.
    An empty list has novelty 0.

    >>> novelty(ItemLists.from_rows([[0], [1], []]), k=1, buyers=np.array([7, 1]), n_users=7).tolist()
    [0.0, 2.0, 0.0]

    Parameters
    ----------
    rankings
        n_users lists, best first.
    k
        How many places are looked at.
    buyers
        (n_items,) distinct users who bought each item in train.
    n_users
        How many users bought anything in train.
    """
    top = rankings.top(k)
    bits = np.log2((n_users + 1) / (buyers[top.item] + 1))
    total = np.bincount(top.rows(), weights=bits, minlength=len(top))
    return total / np.maximum(top.lengths, 1)
