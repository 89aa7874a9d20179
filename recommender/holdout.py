"""The truth rankings are measured by: what users bought after the cut, and what was known of them before.

One row per user who bought at least one known item after the cut. For the purpose "new" only items the user
did not own count as relevant, for "again" only those they did, and only users with at least one such item are
measured. For "cart" the user's first basket after the cut is laid open by half: what lies in the cart is known, the
rest is to be found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import EmptyLog
from recommender.interactions import Interactions
from recommender.item_lists import ItemLists
from recommender.purpose import Purpose
from recommender.splits import Split

N_DECILES = 10

MIN_BASKET = 2
"""Items of a basket that can be laid open by half."""


@dataclass(frozen=True, slots=True, eq=False)
class Holdout:
    """Relevant items per user, beside the facts from train that figures are broken down by.

    Rankings to be measured have one row per entry of `user`, in the same order.
    """

    user: npt.NDArray[np.int32]
    """(n,) the measured users, ascending indices into the log's id map."""
    bought: ItemLists
    """n rows: the distinct items bought after the cut."""
    owned: ItemLists
    """n rows: the distinct items bought before the cut."""
    cart: ItemLists
    """n rows: a random half of the first basket after the cut; empty if that held fewer than two known items."""
    rest: ItemLists
    """n rows: the other half."""
    value: npt.NDArray[np.float64]
    """(n,) money spent before the cut."""
    known_item: npt.NDArray[np.bool_]
    """(n_items,) whether anybody, guests included, bought the item before the cut."""
    buyers: npt.NDArray[np.int64]
    """(n_items,) distinct users who bought each item before the cut."""
    n_train_users: int
    """How many users bought anything before the cut."""
    cut: np.datetime64
    """The first moment of the test side (datetime64[s], UTC)."""

    @classmethod
    def from_split(cls, split: Split) -> Holdout:
        """Collect the purchases of users and items known before the cut.

        Raises
        ------
        EmptyLog
            If no known user bought a known item after the cut.
        """
        sold = split.train.purchases()
        train = sold.of_users()
        test = Split(sold, split.test.purchases(), split.cut).known().test
        if not len(test):
            raise EmptyLog(f"nobody known before {split.cut} bought a known item after it; choose an earlier cut")
        user = np.unique(test.user)
        first = first_baskets(test, user)
        in_cart = _random_half(first)
        spent = np.bincount(train.user, weights=train.amount, minlength=len(train.users)).astype(np.float64)
        return cls(
            user=user,
            bought=distinct_items(test, user),
            owned=distinct_items(train, user),
            cart=first.keep(in_cart),
            rest=first.keep(~in_cart),
            value=spent[user],
            known_item=np.bincount(sold.item, minlength=len(sold.items)) > 0,
            buyers=_distinct_buyers(train),
            n_train_users=len(np.unique(train.user)),
            cut=split.cut,
        )

    def __len__(self) -> int:
        return len(self.user)

    def relevant(self, purpose: Purpose) -> ItemLists:
        """Return n rows: the items that count as right answers; a row may be empty unless for "all"."""
        match purpose:
            case Purpose.ALL:
                return self.bought
            case Purpose.NEW:
                return self.bought.without(self.owned)
            case Purpose.AGAIN:
                return self.bought.keep(self.bought.found_in(self.owned))
            case Purpose.CART:
                return self.rest

    def deciles(self) -> npt.NDArray[np.int64]:
        """Return (n,) 1 to 10 by money spent before the cut, 10 the most; equal values share a decile."""
        rank = np.searchsorted(np.sort(self.value), self.value, side="left")
        return rank * N_DECILES // len(self) + 1


def distinct_items(interactions: Interactions, users: npt.NDArray[np.int32]) -> ItemLists:
    """Return one row per entry of `users` (ascending): the items of that user's rows, ascending."""
    rows = interactions.select(np.isin(interactions.user, users))
    n_items = len(interactions.items)
    row, item = np.divmod(np.unique(np.searchsorted(users, rows.user) * n_items + rows.item), max(n_items, 1))
    return ItemLists.from_pairs(row, item, n_rows=len(users))


def first_baskets(purchases: Interactions, users: npt.NDArray[np.int32]) -> ItemLists:
    """Return one row per entry of `users` (ascending): the items of the first order of two items or more, ascending.

    A row is empty where there is none.
    """
    rows = purchases.select(np.isin(purchases.user, users))
    n_items, n_orders = max(len(rows.items), 1), int(rows.order.max(initial=0)) + 1
    # Rows ascend in time, so the first row of a basket says when it was bought.
    baskets, first_row, basket = np.unique(
        rows.user.astype(np.int64) * n_orders + rows.order, return_index=True, return_inverse=True
    )
    row_basket, item = np.divmod(np.unique(basket * n_items + rows.item), n_items)
    large = np.flatnonzero(np.bincount(row_basket, minlength=len(baskets)) >= MIN_BASKET)
    by_time = large[np.lexsort((first_row[large], baskets[large] // n_orders))]
    user, at = np.unique(baskets[by_time] // n_orders, return_index=True)
    row_of = np.full(len(baskets), -1, dtype=np.int64)
    row_of[by_time[at]] = np.searchsorted(users, user)
    chosen = row_of[row_basket] >= 0
    return ItemLists.from_pairs(row_of[row_basket][chosen], item[chosen], n_rows=len(users))


def _random_half(baskets: ItemLists) -> npt.NDArray[np.bool_]:
    """Return (n,): half of the entries of each row, rounded down; the same for the same lists."""
    order = np.random.default_rng(len(baskets.item)).permutation(len(baskets.item))
    place = np.empty(len(order), dtype=np.int64)
    shuffled = baskets.rows()[order]
    by_row = np.argsort(shuffled, kind="stable")
    place[order[by_row]] = np.arange(len(order)) - np.searchsorted(shuffled[by_row], shuffled[by_row])
    return place < np.repeat(baskets.lengths // 2, baskets.lengths)


def _distinct_buyers(purchases: Interactions) -> npt.NDArray[np.int64]:
    n_items = len(purchases.items)
    pairs = np.unique(purchases.user.astype(np.int64) * n_items + purchases.item)
    return np.bincount(pairs % n_items, minlength=n_items)
