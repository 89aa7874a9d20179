"""Rankings anybody could write in an afternoon. A model that loses to them is no model.

* **popularity**: the items with the most distinct buyers, the same for everybody.
* **recent popularity**: the same over the last 30 days, then popularity; hard to beat for items new to a user.
* **own top**: what the user bought in the most orders, ties by popularity, then popularity.
* **own recent top**: the same, with an order of the last 90 days counting four times
  (3 × orders of the last 90 days + all orders).

For the purpose "new" nothing the user owns may be recommended, so the own lists are popularity without it; for "again"
nothing else may. A cart is nothing to them: what lies in it is taken out by who measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from recommender.holdout import distinct_items
from recommender.interactions import GUEST, SECONDS_PER_DAY, Interactions
from recommender.item_lists import ItemLists
from recommender.purpose import Purpose

RECENT_DAYS = 90
RECENT_WEIGHT = 3.0
POPULAR_DAYS = 30


class Baseline(Protocol):
    """Ranks for many users at once, from the log alone."""

    def __call__(
        self,
        train: Interactions,
        users: npt.NDArray[np.int32],
        *,
        purpose: Purpose,
        k: int,
        now: np.datetime64,
    ) -> ItemLists:
        """Return one ranking of at most `k` items per entry of `users` (ascending indices).

        `train` ends at `now`; a ranking is shorter than `k` where the shop has no more items to offer.
        """


def rank_by_popularity(
    train: Interactions, users: npt.NDArray[np.int32], *, purpose: Purpose, k: int, now: np.datetime64
) -> ItemLists:
    """Rank by distinct buyers; for "new", leave out what each user owns, for "again" all else."""
    del now  # the whole log counts alike
    purchases = train.purchases()
    return _by_score(purchases, users, _buyers(purchases), purpose=purpose, k=k)


def rank_by_recent_popularity(
    train: Interactions, users: npt.NDArray[np.int32], *, purpose: Purpose, k: int, now: np.datetime64
) -> ItemLists:
    """Rank by distinct buyers of the last 30 days, then by all; purposes as above."""
    purchases = train.purchases()
    ever = _buyers(purchases)
    lately = _buyers(purchases.between(now - np.timedelta64(POPULAR_DAYS, "D"), None))
    return _by_score(purchases, users, lately * (ever.max(initial=0) + 1) + ever, purpose=purpose, k=k)


def rank_by_own_orders(
    train: Interactions, users: npt.NDArray[np.int32], *, purpose: Purpose, k: int, now: np.datetime64
) -> ItemLists:
    """Rank by the user's own number of orders, then popularity."""
    return _rank_by_own(train, users, purpose=purpose, k=k, now=now, recent_weight=0.0)


def rank_by_own_recent_orders(
    train: Interactions, users: npt.NDArray[np.int32], *, purpose: Purpose, k: int, now: np.datetime64
) -> ItemLists:
    """Rank by the user's own orders, those of the last 90 days counting four times, then popularity."""
    return _rank_by_own(train, users, purpose=purpose, k=k, now=now, recent_weight=RECENT_WEIGHT)


BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {
        "popularity": rank_by_popularity,
        "recent popularity": rank_by_recent_popularity,
        "own top": rank_by_own_orders,
        "own recent top": rank_by_own_recent_orders,
    }
)
"""The baselines by the name tables and reports use."""


def _rank_by_own(
    train: Interactions,
    users: npt.NDArray[np.int32],
    *,
    purpose: Purpose,
    k: int,
    now: np.datetime64,
    recent_weight: float,
) -> ItemLists:
    if purpose is Purpose.NEW:
        return rank_by_popularity(train, users, purpose=purpose, k=k, now=now)
    purchases = train.purchases()
    buyers = _buyers(purchases)
    own = _own_items(purchases, users, buyers, now=now, recent_weight=recent_weight)
    if purpose is Purpose.AGAIN:
        return own.top(k)
    return _one_after_the_other(own.top(k), _popular_without(own, buyers, k=k)).top(k)


def _by_score(
    purchases: Interactions,
    users: npt.NDArray[np.int32],
    score: npt.NDArray[np.int64],
    *,
    purpose: Purpose,
    k: int,
) -> ItemLists:
    """Return every user's list by one score for all, ties by smaller index."""
    if purpose in (Purpose.ALL, Purpose.CART):
        return _popular_without(ItemLists.empty(len(users)), score, k=k)
    owned = distinct_items(purchases, users)
    if purpose is Purpose.NEW:
        return _popular_without(owned, score, k=k)
    order = np.lexsort((owned.item, -score[owned.item], owned.rows()))
    return ItemLists.from_pairs(owned.rows()[order], owned.item[order], n_rows=len(users)).top(k)


def _own_items(
    purchases: Interactions,
    users: npt.NDArray[np.int32],
    buyers: npt.NDArray[np.int64],
    *,
    now: np.datetime64,
    recent_weight: float,
) -> ItemLists:
    """Return every user's own items by weighted orders, then buyers, then index."""
    mine = purchases.select(np.isin(purchases.user, users))
    row = np.searchsorted(users, mine.user)
    stride = max(len(mine.items), 1)
    pair, which = np.unique(row * stride + mine.item, return_inverse=True)
    _, once = np.unique(which * (mine.order.max(initial=0) + np.int64(1)) + mine.order, return_index=True)
    age = now.astype("datetime64[s]") - mine.time[once]
    weight = 1.0 + recent_weight * (age <= np.timedelta64(RECENT_DAYS * SECONDS_PER_DAY, "s"))
    score = np.bincount(which[once], weights=weight, minlength=len(pair))
    row, item = np.divmod(pair, stride)
    order = np.lexsort((item, -buyers[item], -score, row))
    return ItemLists.from_pairs(row[order], item[order], n_rows=len(users))


def _popular_without(owned: ItemLists, buyers: npt.NDArray[np.int64], *, k: int) -> ItemLists:
    """Return, per row, the `k` most bought items that are not `owned`, ties by smaller index.

    Let r_0 < r_1 < … be the places of a row's owned items in the popularity order. Before r_i stand r_i − i
    items that are not owned, so the j-th such item has place j + #{i : r_i − i <= j}: no loop over users.
    """
    order = np.lexsort((np.arange(len(buyers)), -buyers))
    order = order[buyers[order] > 0]
    place = np.full(len(buyers), len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    row, owned_place = owned.rows(), place[owned.item]
    owned_place = owned_place[np.lexsort((owned_place, row))]
    free_before = owned_place - owned.positions()

    stride = len(order) + k + 1
    wanted = np.arange(len(owned))[:, None] * stride + np.arange(k)
    skipped = np.searchsorted(row * stride + free_before, wanted, side="right") - owned.indptr[:-1, None]
    chosen = np.arange(k) + skipped
    exists = chosen < len(order)
    return ItemLists.from_pairs(np.nonzero(exists)[0], order[chosen[exists]], n_rows=len(owned))


def _one_after_the_other(first: ItemLists, second: ItemLists) -> ItemLists:
    rows = np.concatenate([first.rows(), second.rows()])
    return ItemLists.from_pairs(rows, np.concatenate([first.item, second.item]), n_rows=len(first))


def _buyers(purchases: Interactions) -> npt.NDArray[np.int64]:
    """Return (n_items,) distinct buyers; each order of a guest counts as one buyer."""
    n_items = max(len(purchases.items), 1)
    buyer = np.where(purchases.user == GUEST, len(purchases.users) + purchases.order.astype(np.int64), purchases.user)
    return np.bincount(np.unique(buyer * n_items + purchases.item) % n_items, minlength=len(purchases.items))
