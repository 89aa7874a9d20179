"""For whom, and with what: the groups of users and the bands of items a comparison is broken down by.

* **value**: deciles by money spent before the cut; 10 spent the most.
* **age**: *new* users placed their first order in the last 30 days before the cut, or no more than two orders in all;
  *warm* users are the others.
* **popularity**: items by purchase lines before the cut, the most bought first: *head* items make up the first half
  of all purchases, *middle* items the next three tenths, *tail* items the last fifth.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.holdout import N_DECILES
from recommender.interactions import SECONDS_PER_DAY
from recommender.outcomes import TestWindow

NEW_DAYS = 30
NEW_ORDERS = 2
HEAD_SHARE = 0.5
HEAD_AND_MIDDLE_SHARE = 0.8
BEST_FIFTH = 9
"""The lowest of the two deciles that spent the most."""


class Breakdown(enum.StrEnum):
    """What a figure is broken down by."""

    EVERYBODY = "everybody"
    VALUE = "value"
    AGE = "age"
    POPULARITY = "popularity"


class Band(enum.IntEnum):
    """How much an item was bought before the cut."""

    HEAD = 0
    MIDDLE = 1
    TAIL = 2

    @property
    def label(self) -> str:
        """The name in tables and JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Some of the users of a window."""

    breakdown: Breakdown
    name: str
    member: npt.NDArray[np.bool_]
    """(n,) who belongs to it."""


def user_groups(window: TestWindow) -> Iterator[Group]:
    """Yield everybody, the deciles, and new and warm users; a group may be empty."""
    yield Group(Breakdown.EVERYBODY, "all", np.ones(len(window), dtype=np.bool_))
    for number in range(1, N_DECILES + 1):
        yield Group(Breakdown.VALUE, str(number), window.decile == number)
    new = new_users(window)
    yield Group(Breakdown.AGE, "new", new)
    yield Group(Breakdown.AGE, "warm", ~new)


def new_users(window: TestWindow) -> npt.NDArray[np.bool_]:
    """Return (n,) who came lately or bought hardly ever, as of the cut."""
    cut = int(np.datetime64(window.cut, "s").astype(np.int64))
    return (window.orders <= NEW_ORDERS) | (window.first_order >= cut - NEW_DAYS * SECONDS_PER_DAY)


def popularity_bands(purchases: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return (n_items,) the `Band` of each item.

    An item belongs to the band in which its first purchase lies when purchases are lined up, the most bought items
    first and ties by index; an item nobody bought is tail.

    >>> popularity_bands(np.array([1, 6, 0, 2, 1])).tolist()
    [2, 0, 2, 1, 2]
    """
    order = np.argsort(-purchases, kind="stable")
    before = np.cumsum(purchases[order]) - purchases[order]
    share = before / max(int(purchases.sum()), 1)
    band = np.empty(len(purchases), dtype=np.int64)
    band[order] = (share >= HEAD_SHARE).astype(np.int64) + (share >= HEAD_AND_MIDDLE_SHARE)
    band[purchases == 0] = Band.TAIL
    return band
