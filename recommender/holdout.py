"""The truth rankings are measured by: what users bought after the cut, and what was known of them before.

One row per user who bought at least one known item after the cut. For the purpose "new" only items the user
did not own count as relevant, and only users with at least one such item are measured.
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
        spent = np.bincount(train.user, weights=train.amount, minlength=len(train.users)).astype(np.float64)
        return cls(
            user=user,
            bought=distinct_items(test, user),
            owned=distinct_items(train, user),
            value=spent[user],
            known_item=np.bincount(sold.item, minlength=len(sold.items)) > 0,
            buyers=_distinct_buyers(train),
            n_train_users=len(np.unique(train.user)),
            cut=split.cut,
        )

    def __len__(self) -> int:
        return len(self.user)

    def relevant(self, purpose: Purpose) -> ItemLists:
        """Return n rows: the items that count as right answers; a row may be empty for "new"."""
        return self.bought if purpose is Purpose.ALL else self.bought.without(self.owned)

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


def _distinct_buyers(purchases: Interactions) -> npt.NDArray[np.int64]:
    n_items = len(purchases.items)
    pairs = np.unique(purchases.user.astype(np.int64) * n_items + purchases.item)
    return np.bincount(pairs % n_items, minlength=n_items)
