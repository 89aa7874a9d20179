"""What a forecast needs to know of a customer: how often, how lately, for how long, for how much.

For who ordered on n days, the first of them ``age`` days before the end of the log::

    repeats  x   = n − 1
    last     t_x   days from the first order day to the last
    age      T     days from the first order day to the last day of the log

The three are sufficient for the models of buying (Fader, Hardie & Lee 2005), the number of days and the mean spending
on them for that of money (Fader & Hardie 2013), and the sum of the logarithms of the gaps for that of the rhythm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.loyalty.orders import Orders

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """The past of every user who ordered."""

    n_users: int
    """Of the shop, with those who never ordered."""
    user: npt.NDArray[np.int32]
    """(m,) who ordered, ascending."""
    repeats: npt.NDArray[np.int64]
    """(m,) order days after the first."""
    last: npt.NDArray[np.int64]
    """(m,) days from the first order day to the last."""
    age: npt.NDArray[np.int64]
    """(m,) days from the first order day to the last day that was watched."""
    log_gaps: Numbers
    """(m,) sum of the natural logarithms of the gaps between order days, in days."""
    mean_money: Numbers
    """(m,) mean spending per order day."""
    today: np.datetime64
    """datetime64[D]: the last day that was watched."""

    @classmethod
    def from_orders(cls, orders: Orders, *, now: np.datetime64) -> Summary:
        """Sum up as of `now`, the first moment that nothing is known about; later orders count as of that day."""
        today = (now.astype("datetime64[s]") - np.timedelta64(1, "s")).astype("datetime64[D]")
        days = orders.by_day()
        day = np.minimum(days.time.astype("datetime64[D]"), today).astype(np.int64)
        first, last = days.first_and_last()
        count = days.count()
        gap = np.diff(day, prepend=day[:1])
        gap[first] = 1  # whose logarithm is 0: before the first order day there is no gap
        log_gaps = np.bincount(days.user, np.log(np.maximum(gap, 1)), orders.n_users).astype(np.float64)
        user = days.user[first]
        return cls(
            n_users=orders.n_users,
            user=user,
            repeats=count[user] - 1,
            last=day[last] - day[first],
            age=today.astype(np.int64) - day[first],
            log_gaps=log_gaps[user],
            mean_money=days.spent()[user] / count[user],
            today=today,
        )

    def __len__(self) -> int:
        """Return how many users ordered."""
        return len(self.user)

    def spread(self, values: Numbers) -> npt.NDArray[np.float32]:
        """Return (n_users,) float32: `values` (m,) where they belong, NaN for who never ordered."""
        wide = np.full(self.n_users, np.nan, dtype=np.float32)
        wide[self.user] = values
        return wide
