"""What the shop looks like from its log: orders per week, how much is bought again, who the customers are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.interactions import Interactions
from recommender.loyalty.rfm import CustomerBase, Segment

_MONDAY = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopFacts:
    """Plain numbers about a cleaned log."""

    weeks: tuple[str, ...]
    """The Monday of every week from the first purchase to the last, ISO 8601."""
    orders: tuple[int, ...]
    """Orders of each week, guests included."""
    repeat_shares: tuple[float | None, ...]
    """Of the items on customers' orders of each week, the share they had ordered before; None without orders."""
    repeat_share: float
    """The same over the whole log."""
    returning_share: float
    """Of the customers who ordered, the share who ordered more than once."""
    segments: Mapping[str, int]
    """RFM segment → customers; segments without anybody are named too."""

    @classmethod
    def from_interactions(cls, interactions: Interactions, customers: CustomerBase) -> ShopFacts:
        """Count a cleaned log; `customers` is its customer base."""
        purchases = interactions.purchases()
        week = _weeks(purchases.time)
        first = int(week.min()) if len(week) else 0
        n_weeks = int(week.max()) - first + 1 if len(week) else 0
        _, once = np.unique(purchases.order, return_index=True)
        bought = _ItemsOnOrders.of(purchases)
        at = _weeks(bought.time) - first
        again, total = (
            np.bincount(at, weights=weights, minlength=n_weeks)
            for weights in (bought.again.astype(np.float64), np.ones(len(at)))
        )
        orders_of_user = np.bincount(_users_of_orders(purchases))
        return cls(
            weeks=tuple(str(_MONDAY + np.timedelta64(7 * (first + number), "D")) for number in range(n_weeks)),
            orders=tuple(np.bincount(week[once] - first, minlength=n_weeks).tolist()),
            repeat_shares=tuple(
                round(part / whole, 6) if whole else None
                for part, whole in zip(again.tolist(), total.tolist(), strict=True)
            ),
            repeat_share=_share(int(bought.again.sum()), len(bought.again)),
            returning_share=_share(int((orders_of_user > 1).sum()), int((orders_of_user > 0).sum())),
            segments={segment.label: int((customers.segment == segment).sum()) for segment in Segment},
        )


@dataclass(frozen=True, slots=True, eq=False)
class _ItemsOnOrders:
    """Every (user, item, order) once."""

    time: npt.NDArray[np.datetime64]
    again: npt.NDArray[np.bool_]
    """Whether the user had the item on an earlier order."""

    @classmethod
    def of(cls, purchases: Interactions) -> _ItemsOnOrders:
        rows = purchases.of_users()
        # Canonical order is by time, so a stable sort leaves the first order of each pair in front.
        order = np.lexsort((rows.order, rows.time, rows.item, rows.user))
        user, item, number = rows.user[order], rows.item[order], rows.order[order]
        same_pair = (user[1:] == user[:-1]) & (item[1:] == item[:-1])
        same_order = same_pair & (number[1:] == number[:-1])
        keep = np.ones(len(order), dtype=np.bool_)
        keep[1:] = ~same_order
        again = np.zeros(len(order), dtype=np.bool_)
        again[1:] = same_pair
        return cls(rows.time[order][keep], again[keep])


def _users_of_orders(purchases: Interactions) -> npt.NDArray[np.int32]:
    rows = purchases.of_users()
    _, once = np.unique(rows.order, return_index=True)
    return rows.user[once]


def _weeks(time: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    days = (time.astype("datetime64[D]") - _MONDAY).astype(np.int64)
    return np.floor_divide(days, 7)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
