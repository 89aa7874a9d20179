"""Freshness@k: how much of the list is new in the shop?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.item_lists import ItemLists

FRESH_DAYS = 30.0
"""An item first sold within so many days counts as fresh."""


def freshness(
    rankings: ItemLists, *, k: int, age_days: npt.NDArray[np.float64], within_days: float = FRESH_DAYS
) -> npt.NDArray[np.float64]:
    """Return each user's share of the first `k` items that were first sold within the last `within_days`, 0 to 1.

    `age_days` is (n_items,), the days since an item's first sale; see `item_age`. An empty list has freshness 0.

    >>> freshness(ItemLists.from_rows([[0, 1], []]), k=2, age_days=np.array([3.0, 300.0]))
    array([0.5, 0. ])
    """
    return _mean(rankings.top(k), (age_days <= within_days).astype(np.float64))


def item_age(rankings: ItemLists, *, k: int, age_days: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return each user's mean age of the first `k` items in days: the time since an item's first sale.

    Castells, Hurley & Vargas 2015 call it temporal novelty. A log that begins in the middle of a shop's life makes
    old items look as young as the log. `age_days` is (n_items,); an item that was never sold (infinite) is left out,
    and a list without any other has age 0.

    >>> item_age(ItemLists.from_rows([[0, 1], []]), k=2, age_days=np.array([3.0, 300.0]))
    array([151.5,   0. ])
    """
    top = rankings.top(k)
    return _mean(top.keep(np.isfinite(age_days[top.item])), age_days)


def _mean(lists: ItemLists, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = np.bincount(lists.rows(), weights=values[lists.item], minlength=len(lists))
    return total / np.maximum(lists.lengths, 1)
