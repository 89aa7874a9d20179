"""Ta-Feng's baskets: in order, without dates, and the last one of each user is to be foretold.

The engine reads a log with times. Position becomes time, counted back from the basket that is asked for::

    … third last        second last         last before       asked for, or known of users one may learn from
    ────┴───────────────────┴────────────────────┴──────────────────┴──▶ NOW
       3 · spacing       2 · spacing          spacing            `DISCLOSED_DAYS`

so "days ago" reads as "baskets ago", and what sells in last baskets is what sold this week.

Item ids of the files are numbered by first appearance, which tells what sells; the engine gets them shuffled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.quality.parquet import read_table
from benchmarks.quality.scoreboard import BrokenData
from recommender.events import Event
from recommender.ids import IdMap
from recommender.interactions import SECONDS_PER_DAY, Interactions
from recommender.item_lists import ItemLists

NOW = np.datetime64("2001-03-01T00:00:00")
"""When the asked basket is bought. The data set is of that season; nothing depends on the day."""
DISCLOSED_DAYS = 0.5
"""How long before `NOW` the last basket of a user was that one may learn from."""
PARTS = ("train", "val", "test")
FOLDS = 5

Indices = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
Fold = Mapping[str, Indices]
"""Users of each part, ascending."""


@dataclass(frozen=True, slots=True, eq=False)
class Baskets:
    """All lines, with users and items as dense indices."""

    users: IdMap
    items: IdMap
    user: Indices
    """(n,)"""
    item: Indices
    """(n,)"""
    back: Indices
    """(n,) how many baskets of the user come after this one: 0 is the basket that is asked for."""
    folds: tuple[Fold, ...]

    @classmethod
    def read(cls, folder: Path, *, seed: int) -> Baskets:
        """Read both files; `seed` shuffles the ids of the items.

        Raises
        ------
        MissingData, BrokenData
            If a file is not there, or holds something else.
        """
        lines = read_table(folder, "baskets.parquet", numbers=("user_id", "basket", "item_id"))
        parts = read_table(folder, "folds.parquet", numbers=("fold", "user_id"), texts=("part",))
        known, user = np.unique(lines["user_id"].to_numpy(), return_inverse=True)
        _, item = np.unique(lines["item_id"].to_numpy(), return_inverse=True)
        position = lines["basket"].to_numpy().astype(np.int64)
        newest = np.zeros(len(known), dtype=np.int64)
        np.maximum.at(newest, user, position)
        n_items = int(item.max()) + 1
        return cls(
            users=_names(len(known)),
            items=_names(n_items),
            user=user.astype(np.int64),
            item=np.random.default_rng(seed).permutation(n_items)[item],
            back=newest[user] - position,
            folds=tuple(_fold(parts, fold, known, folder / "folds.parquet") for fold in range(FOLDS)),
        )

    def asked(self, users: Indices) -> ItemLists:
        """Return the basket to be foretold of each of `users` (ascending)."""
        return self._lists(self.back == 0, users)

    def earlier(self, users: Indices) -> ItemLists:
        """Return what each of `users` (ascending) bought in earlier baskets, most often first, then first seen."""
        rows = self._lines(self.back > 0, users)
        n_items = len(self.items)
        key = np.searchsorted(users, self.user[rows]) * n_items + self.item[rows]
        pair, first, count = np.unique(key, return_index=True, return_counts=True)
        order = np.lexsort((first, -count, pair // n_items))
        return ItemLists.from_pairs((pair // n_items)[order], (pair % n_items)[order], n_rows=len(users))

    def counts(self, users: Indices) -> npt.NDArray[np.float32]:
        """Return (len(users), n_items): how many earlier baskets of each of `users` (ascending) held each item."""
        counts = np.zeros((len(users), len(self.items)), dtype=np.float32)
        rows = self._lines(self.back > 0, users)
        np.add.at(counts, (np.searchsorted(users, self.user[rows]), self.item[rows]), 1)
        return counts

    def sales(self, rows: Marks) -> npt.NDArray[np.float64]:
        """Return (n_items,): in how many baskets each item was, of the lines marked in `rows` (n,)."""
        return np.bincount(self.item[rows], minlength=len(self.items)).astype(np.float64)

    def log(self, disclosed: Indices, *, spacing_days: float) -> Interactions:
        """Return the earlier baskets of everybody, and the last ones of the users `disclosed`."""
        rows = (self.back > 0) | np.isin(self.user, disclosed)
        return self._interactions(rows, np.where(self.back == 0, DISCLOSED_DAYS, self.back * spacing_days))

    def answers(self, users: Indices) -> Interactions:
        """Return the last baskets of `users`, bought at `NOW`: what a blend is learned from."""
        return self._interactions((self.back == 0) & np.isin(self.user, users), np.zeros(len(self.back)))

    def _interactions(self, rows: Marks, age_days: npt.NDArray[np.floating[Any]]) -> Interactions:
        n_rows = int(rows.sum())
        seconds = (age_days[rows] * SECONDS_PER_DAY).astype("timedelta64[s]")
        basket = np.unique(self.user * (self.back.max() + 1) + self.back, return_inverse=True)[1]
        return Interactions.from_columns(
            self.users,
            self.items,
            user=self.user[rows].astype(np.int32),
            item=self.item[rows].astype(np.int32),
            event=np.full(n_rows, Event.PURCHASE, dtype=np.int8),
            quantity=np.ones(n_rows, dtype=np.float32),
            amount=np.zeros(n_rows),
            order=basket[rows].astype(np.int32),
            time=(NOW - seconds).astype("datetime64[s]"),
        )

    def _lines(self, rows: Marks, users: Indices) -> Indices:
        return np.flatnonzero(rows & np.isin(self.user, users))

    def _lists(self, rows: Marks, users: Indices) -> ItemLists:
        lines = self._lines(rows, users)
        key = np.unique(np.searchsorted(users, self.user[lines]) * len(self.items) + self.item[lines])
        return ItemLists.from_pairs(key // len(self.items), key % len(self.items), n_rows=len(users))


def _names(n: int) -> IdMap:
    """Return ids whose order is that of the indices."""
    return IdMap(tuple(f"{index:08d}" for index in range(n)))


def _fold(parts: pl.DataFrame, fold: int, known: npt.NDArray[Any], path: Path) -> Fold:
    rows = parts.filter(pl.col("fold") == fold)
    users = {part: np.sort(rows.filter(pl.col("part") == part)["user_id"].to_numpy()) for part in PARTS}
    for part, ids in users.items():
        if not len(ids) or not np.isin(ids, known).all():
            problem = "names users without baskets" if len(ids) else "is empty"
            raise BrokenData(
                f"{path}: fold {fold}, part {part!r} {problem}; get the files again, both of one release of the data"
            )
    return {part: np.searchsorted(known, ids) for part, ids in users.items()}
