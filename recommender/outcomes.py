"""What a test window said about every single user, kept so that two versions can be compared user by user.

An `EvaluationTable` holds means; a paired comparison needs what the means were taken of. `Outcomes` names users and
items by their external ids, since another training numbers them differently. Only the subject's lists are kept:
what a baseline showed can be written again in an afternoon, what it scored per user is here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.evaluation import Rankings
from recommender.holdout import N_DECILES, Holdout
from recommender.interactions import Interactions
from recommender.item_lists import ItemLists
from recommender.metrics import Relevance, ndcg, recall
from recommender.purpose import Purpose
from recommender.splits import Split

METRICS = ("ndcg", "recall")
"""What is kept per user and ranker; `recommender.metrics` defines them."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TestWindow:
    """Who and what was measured on, and what was known of them before the cut.

    `Outcomes` of one log and cut have equal windows, whatever was trained.

    Raises
    ------
    InvalidInput
        If an array is not of its length, a decile is not one of 1 to 10, or the cut is no time.
    """

    __test__ = False

    cut: str
    """First moment of the window, ISO 8601, UTC."""
    end: str
    """Last moment of the log, ISO 8601, UTC."""
    k: int
    """Length of the lists."""
    users: tuple[str, ...]
    """n external ids, ascending: who bought something known in the window."""
    items: tuple[str, ...]
    """External ids by item index, ascending."""
    purchases: npt.NDArray[np.int64]
    """(n_items,) purchase lines of each item before the cut, guests included."""
    value: npt.NDArray[np.float64]
    """(n,) money spent before the cut."""
    decile: npt.NDArray[np.int64]
    """(n,) 1 to 10 by that money; 10 spent the most."""
    orders: npt.NDArray[np.int64]
    """(n,) orders before the cut."""
    first_order: npt.NDArray[np.int64]
    """(n,) seconds since 1970: the first of them."""

    def __post_init__(self) -> None:
        _check_lengths(self, len(self.users), "value", "decile", "orders", "first_order")
        _check_lengths(self, len(self.items), "purchases")
        _check_range(self.decile, 1, N_DECILES, "deciles of users")
        if type(self.k) is not int or self.k < 1:
            raise InvalidInput(f"the length of the lists is {self.k!r}, which must be a whole number from 1 on")
        if not _is_time(self.cut) or not _is_time(self.end):
            raise InvalidInput(f"the test window runs from {self.cut!r} to {self.end!r}, which must be times")

    @classmethod
    def of(cls, split: Split, holdout: Holdout, *, k: int) -> TestWindow:
        """Describe the window of `split` that `holdout` holds the truth of."""
        sold = split.train.purchases()
        orders, first = _orders(sold.of_users(), holdout.user)
        ids = sold.users.ids
        return cls(
            cut=str(holdout.cut),
            end=str(split.test.time[-1]),
            k=k,
            users=tuple(ids[user] for user in holdout.user.tolist()),
            items=sold.items.ids,
            purchases=np.bincount(sold.item, minlength=len(sold.items)).astype(np.int64),
            value=holdout.value,
            decile=holdout.deciles().astype(np.int64),
            orders=orders,
            first_order=first,
        )

    def __len__(self) -> int:
        return len(self.users)

    def select(self, keep: npt.NDArray[np.bool_]) -> TestWindow:
        """Return the window of the users in the mask `keep` (n,); items stay as they were counted."""
        return dataclasses.replace(
            self,
            users=tuple(user for user, stays in zip(self.users, keep.tolist(), strict=True) if stays),
            **{name: getattr(self, name)[keep] for name in ("value", "decile", "orders", "first_order")},
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PurposeOutcomes:
    """The figures of every measured user for one purpose.

    Raises
    ------
    InvalidInput
        If the parts speak of different numbers of users or rankers, or a figure is no number.
    """

    rankers: tuple[str, ...]
    row: npt.NDArray[np.int64]
    """(m,) ascending: which users of the window have a right answer for this purpose."""
    ndcg: npt.NDArray[np.float32]
    """(m, n_rankers)"""
    recall: npt.NDArray[np.float32]
    """(m, n_rankers)"""
    relevant: ItemLists
    """m rows: the right answers."""
    shown: ItemLists
    """m rows: the subject's list, best first."""

    def __post_init__(self) -> None:
        shape = (len(self.row), len(self.rankers))
        lists = {len(self.relevant), len(self.shown)}
        if self.ndcg.shape != shape or self.recall.shape != shape or lists != {len(self.row)}:
            raise InvalidInput(f"outcomes of {shape[0]} users and {shape[1]} rankers do not fit together")
        if self.row.ndim != 1 or (np.diff(self.row) <= 0).any():
            raise InvalidInput("the rows of measured users must ascend")
        if not (np.isfinite(self.ndcg).all() and np.isfinite(self.recall).all()):
            raise InvalidInput("a figure of a user is not a finite number")

    def select(self, keep: npt.NDArray[np.bool_]) -> PurposeOutcomes:
        """Return the figures of the users in the mask `keep` (n,), who are renumbered."""
        stays = keep[self.row]
        return PurposeOutcomes(
            rankers=self.rankers,
            row=(np.cumsum(keep) - 1)[self.row[stays]].astype(np.int64),
            ndcg=self.ndcg[stays],
            recall=self.recall[stays],
            relevant=self.relevant.select(stays),
            shown=self.shown.select(stays),
        )

    def values(self, metric: str, ranker: str) -> npt.NDArray[np.float64]:
        """Return (m,) one metric of one ranker; raise `KeyError` if that was not measured."""
        if ranker not in self.rankers or metric not in METRICS:
            raise KeyError(f"{metric} of {ranker!r} was not kept per user")
        table = self.ndcg if metric == "ndcg" else self.recall
        return table[:, self.rankers.index(ranker)].astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outcomes:
    """Everything that is kept about the users of one test window.

    Raises
    ------
    InvalidInput
        If a purpose names users or items that the window does not have, or was not measured for the subject.
    """

    subject: str
    """The ranker on trial."""
    window: TestWindow
    by_purpose: Mapping[Purpose, PurposeOutcomes]
    """Purposes that nobody had a right answer for are missing."""

    def __post_init__(self) -> None:
        for purpose, found in self.by_purpose.items():
            if self.subject not in found.rankers:
                raise InvalidInput(
                    f"for {purpose.value} items {self.subject!r} was not measured, only {', '.join(found.rankers)}"
                )
            _check_range(found.row, 0, len(self.window) - 1, f"rows of users ({purpose.value})")
            for name, lists in (("relevant", found.relevant), ("shown", found.shown)):
                _check_range(lists.item, 0, len(self.window.items) - 1, f"{name} items ({purpose.value})")

    @classmethod
    def of(cls, rankings: Rankings, split: Split, holdout: Holdout, *, subject: str, k: int) -> Outcomes:
        """Measure every user's list of at most `k` items by every ranker."""
        found = {
            purpose: _measure({name: lists[purpose] for name, lists in rankings.items() if purpose in lists},
                              holdout.relevant(purpose), subject=subject, k=k)
            for purpose in Purpose if purpose in rankings[subject]
        }  # fmt: skip
        return cls(
            subject=subject,
            window=TestWindow.of(split, holdout, k=k),
            by_purpose={purpose: outcomes for purpose, outcomes in found.items() if len(outcomes.row)},
        )

    def without_users(self, users: Collection[str]) -> Outcomes:
        """Return the same without some users, who asked to be forgotten."""
        keep = np.array([user not in users for user in self.window.users], dtype=np.bool_)
        found = {purpose: outcomes.select(keep) for purpose, outcomes in self.by_purpose.items()}
        return Outcomes(
            subject=self.subject,
            window=self.window.select(keep),
            by_purpose={purpose: outcomes for purpose, outcomes in found.items() if len(outcomes.row)},
        )

    def values(self, purpose: Purpose, metric: str, ranker: str | None = None) -> npt.NDArray[np.float64]:
        """Return (m,) one metric of one ranker, of the subject without one; raise `KeyError` if not measured."""
        return self.by_purpose[purpose].values(metric, self.subject if ranker is None else ranker)


def _measure(lists: Mapping[str, ItemLists], relevant: ItemLists, *, subject: str, k: int) -> PurposeOutcomes:
    users = relevant.lengths > 0
    answers = relevant.select(users)
    hits = [Relevance.of(ranking.select(users), answers, k=k) for ranking in lists.values()]
    empty = np.empty((len(answers), 0), dtype=np.float32)
    return PurposeOutcomes(
        rankers=tuple(lists),
        row=np.flatnonzero(users).astype(np.int64),
        ndcg=np.column_stack([empty, *(ndcg(found) for found in hits)]).astype(np.float32),
        recall=np.column_stack([empty, *(recall(found) for found in hits)]).astype(np.float32),
        relevant=answers,
        shown=lists[subject].select(users).top(k),
    )


def _check_lengths(window: TestWindow, n: int, *names: str) -> None:
    for name in names:
        if (shape := getattr(window, name).shape) != (n,):
            raise InvalidInput(f"{name} of the test window has shape {shape}, which must be ({n},)")


def _check_range(numbers: npt.NDArray[np.integer[Any]], low: int, high: int, what: str) -> None:
    wrong = numbers[(numbers < low) | (numbers > high)]
    if len(wrong):
        raise InvalidInput(f"{what} must lie between {low} and {high}, found {wrong[0]}")


def _is_time(text: object) -> bool:
    try:
        return isinstance(text, str) and not np.isnat(np.datetime64(text, "s"))
    except ValueError:
        return False


def _orders(
    purchases: Interactions, users: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (n,) the number of orders and (n,) the first moment of each of `users`, who all have one."""
    _, once = np.unique(purchases.order, return_index=True)
    orders = np.bincount(purchases.user[once], minlength=len(purchases.users))
    first = np.full(len(purchases.users), np.iinfo(np.int64).max)
    np.minimum.at(first, purchases.user, purchases.time.astype("datetime64[s]").astype(np.int64))
    return orders[users].astype(np.int64), first[users]
