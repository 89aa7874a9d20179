"""What is left of purchases after what was sent back.

A return takes back the visitor's latest earlier purchases of the same item, newest first, unit by unit. A purchase
taken back in part keeps the rest of its quantity, and as much of its amount. Where nobody knows who returned, only
purchases of the return's own order are taken back. A return without an earlier purchase takes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.events import Event
from recommender.traffic.columns import NONE, Rows, Traffic


@dataclass(frozen=True, slots=True, eq=False)
class Sales:
    """The m purchases of which something is left."""

    row: Rows
    """(m,) places in the traffic, ascending."""
    quantity: npt.NDArray[np.float64]
    """(m,) units kept."""
    amount: npt.NDArray[np.float64]
    """(m,) money kept; 0 where no amount was told."""

    def __len__(self) -> int:
        return len(self.row)


def net_sales(traffic: Traffic) -> Sales:
    """Return the purchases that were kept."""
    quantity = traffic.quantity.copy()
    for bought, returned in _movements(traffic):
        _take_back(quantity, bought, returned)
    row = traffic.rows(Event.PURCHASE)
    row = row[quantity[row] > 0]
    share = quantity[row] / traffic.quantity[row]
    return Sales(row, quantity[row], np.nan_to_num(traffic.amount[row]) * share)


def _movements(traffic: Traffic) -> list[tuple[Rows, Rows]]:
    """Return the places of purchases and of returns of each pair of owner and item that has both."""
    rows = traffic.rows(Event.PURCHASE, Event.RETURN)
    rows = rows[(traffic.visitor[rows] != NONE) | (traffic.order[rows] != NONE)]
    visitor, order = traffic.visitor[rows].astype(np.int64), traffic.order[rows].astype(np.int64)
    # Orders of unknown visitors are owners of their own, with numbers below 0.
    owner = np.where(visitor == NONE, -1 - order, visitor)
    pair = (owner << 32) + traffic.item[rows]
    is_return = traffic.event[rows] == Event.RETURN
    touched = np.isin(pair, pair[is_return])
    rows, pair, is_return = rows[touched], pair[touched], is_return[touched]
    by_pair = np.argsort(pair, kind="stable")
    ends = np.flatnonzero(np.diff(pair[by_pair])) + 1
    return [(rows[at][~is_return[at]], rows[at][is_return[at]]) for at in np.split(by_pair, ends) if len(at)]


def _take_back(quantity: npt.NDArray[np.float64], bought: Rows, returned: Rows) -> None:
    for row in returned:
        wanted = quantity[row]
        for purchase in reversed(bought[: bought.searchsorted(row)]):
            if wanted <= 0:
                break
            taken = min(wanted, quantity[purchase])
            quantity[purchase] -= taken
            wanted -= taken
