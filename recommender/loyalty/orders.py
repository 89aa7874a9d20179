"""Every order of every user, one row each: what loyalty is read from.

The lines of a basket do not matter here, only that somebody ordered, when, and for how much. Guests have no past, so
their orders are not here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.interactions import Interactions


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """The orders of users, by user and then by time."""

    n_users: int
    user: npt.NDArray[np.int32]
    """(m,) user indices, ascending."""
    time: npt.NDArray[np.datetime64]
    """(m,) datetime64[s], UTC, ascending within a user: the last line of the order."""
    amount: npt.NDArray[np.float64]
    """(m,) money for the whole order, at least 0."""

    @classmethod
    def from_interactions(cls, interactions: Interactions) -> Orders:
        """Sum up the purchases of users by order."""
        rows = interactions.purchases().of_users()
        # Rows come by time and the sort is stable: the last row of a group is the last line of its order.
        by_order = np.lexsort([rows.order, rows.user])
        user, order = rows.user[by_order], rows.order[by_order]
        start = _starts(user, order)
        amount = np.add.reduceat(rows.amount[by_order], start) if len(start) else np.empty(0)
        end = np.append(start[1:], len(user))[: len(start)] - 1
        time = rows.time[by_order][end]
        by_time = np.lexsort([time, user[start]])
        return cls(len(rows.users), user[start][by_time], time[by_time], amount[by_time].astype(np.float64))

    def __len__(self) -> int:
        """Return the number of orders."""
        return len(self.user)

    def between(self, start: np.datetime64 | None, end: np.datetime64 | None) -> Orders:
        """Return the orders with ``start <= time < end``; None leaves that side open."""
        keep = np.ones(len(self), dtype=np.bool_)
        if start is not None:
            keep &= self.time >= start
        if end is not None:
            keep &= self.time < end
        return Orders(self.n_users, self.user[keep], self.time[keep], self.amount[keep])

    def until(self, now: np.datetime64) -> Orders:
        """Return the same orders; those later than `now` happen then."""
        time = np.minimum(self.time, now.astype("datetime64[s]"))
        return Orders(self.n_users, self.user, time, self.amount)

    def by_day(self) -> Orders:
        """Return the order days: orders of one user on one day (UTC) are one, at midnight."""
        day = self.time.astype("datetime64[D]")
        start = _starts(self.user, day)
        amount = np.add.reduceat(self.amount, start) if len(start) else np.empty(0)
        return Orders(self.n_users, self.user[start], day[start].astype("datetime64[s]"), amount.astype(np.float64))

    def count(self) -> npt.NDArray[np.int64]:
        """Return (n_users,): how many rows each user has."""
        return np.bincount(self.user, minlength=self.n_users)

    def spent(self) -> npt.NDArray[np.float64]:
        """Return (n_users,): the money of each user's rows."""
        spent: npt.NDArray[np.float64] = np.bincount(self.user, self.amount, self.n_users).astype(np.float64)
        return spent

    def first_and_last(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return the rows of the first and the last order of each user who has any, in the order of users."""
        first = _starts(self.user, self.user)
        return first, np.append(first[1:], len(self.user))[: len(first)] - 1


def _starts(
    user: npt.NDArray[np.int32], key: npt.NDArray[np.int32] | npt.NDArray[np.datetime64]
) -> npt.NDArray[np.intp]:
    """Return the first row of each run of rows that agree in both columns."""
    if not len(user):
        return np.empty(0, np.intp)
    changes = (user[1:] != user[:-1]) | (key[1:] != key[:-1])
    return np.flatnonzero(np.concatenate([[True], changes]))
