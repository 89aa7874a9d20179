"""How customers move: between segments from month to month, and in and out of the shop by the month they came.

A month is a calendar month (UTC). At the end of each the customer base is described as if the log ended there, so a
customer's segment of March is what a training at the end of March would have said. The last month is left out where the
log ends inside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.loyalty.orders import Orders
from recommender.loyalty.rfm import CustomerBase, Segment

MOST_MONTHS = 13
"""Months that are looked back on: a year of changes."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Segments at the ends of months, and the moves between them."""

    months: tuple[str, ...]
    """Such as ``2017-03``."""
    sizes: tuple[tuple[int, ...], ...]
    """Month → customers in each `Segment`, by its number."""
    moves: tuple[tuple[int, ...], ...]
    """Segment → customers who were in each segment a month later, summed over all months."""

    @classmethod
    def of(cls, orders: Orders, *, now: np.datetime64) -> Movement | None:
        """Follow the users of `orders` up to `now`; None where there are no two whole months."""
        months = whole_months(orders, now=now)[-MOST_MONTHS:]
        if len(months) < 2:
            return None
        n = len(Segment)
        sizes, moves = [], np.zeros((n, n), dtype=np.int64)
        before: npt.NDArray[np.uint8] | None = None
        for month in months:
            end = (month + 1).astype("datetime64[s]")
            segment = CustomerBase.from_orders(orders.between(None, end), now=end).segment
            sizes.append(tuple(np.bincount(segment, minlength=n).tolist()))
            if before is not None:
                np.add.at(moves, (before, segment), 1)
            before = segment
        return cls(tuple(str(month) for month in months), tuple(sizes), tuple(tuple(row) for row in moves.tolist()))


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Customers by the month of their first order, and who of them ordered in the months after."""

    months: tuple[str, ...]
    sizes: tuple[int, ...]
    """Customers who came in each month."""
    active: tuple[tuple[int, ...], ...]
    """Month they came → customers who ordered in that month, in the next, and so on."""

    @classmethod
    def of(cls, orders: Orders, *, now: np.datetime64) -> Cohorts | None:
        """Group the users of `orders` up to `now`; None where there are no two whole months."""
        months = whole_months(orders, now=now)[-MOST_MONTHS:]
        if len(months) < 2:
            return None
        month = orders.time.astype("datetime64[M]").astype(np.int64)
        first, _ = orders.first_and_last()
        came = np.full(orders.n_users, -1)
        came[orders.user[first]] = month[first]
        start, n = int(months[0].astype(np.int64)), len(months)
        key = np.unique(orders.user.astype(np.int64) * 2**32 + month)
        user, at = key // 2**32, key % 2**32
        inside = (came[user] >= start) & (at < start + n)
        counts = np.zeros((n, n), dtype=np.int64)
        np.add.at(counts, (came[user][inside] - start, at[inside] - came[user][inside]), 1)
        return cls(
            tuple(str(each) for each in months),
            tuple(counts[:, 0].tolist()),
            tuple(tuple(row[: n - place]) for place, row in enumerate(counts.tolist())),
        )


def whole_months(orders: Orders, *, now: np.datetime64) -> npt.NDArray[np.datetime64]:
    """Return (m,) datetime64[M]: the months from the first order to the last whole one before `now`."""
    if not len(orders):
        return np.empty(0, "datetime64[M]")
    first = orders.time.min().astype("datetime64[M]")
    # A log that ends on the last day of a month has seen it whole.
    end = (now.astype("datetime64[s]") + np.timedelta64(1, "D")).astype("datetime64[M]")
    return np.arange(first, max(first, end))
