"""What a household bought before this visit, as the purchase log tells it; and what kind of customer it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommender.interactions import SECONDS_PER_DAY
from recommender.loyalty.rfm import Segment
from recommender.model import Model


@dataclass(frozen=True, slots=True)
class Bought:
    """An item of somebody's past."""

    item: int
    """Its index."""
    orders: int
    days_ago: int

    @property
    def when(self) -> str:
        """How long ago, in words."""
        return {0: "today", 1: "yesterday"}.get(self.days_ago, f"{self.days_ago:,} days ago")

    @property
    def times(self) -> str:
        """How often, in words."""
        return {1: "once", 2: "twice"}.get(self.orders, f"{self.orders:,} times")


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a user."""

    segment: str = ""
    orders: int = 0
    bought: tuple[Bought, ...] = ()
    """The latest first; of one day, what was bought most often."""

    def of(self, item: int) -> Bought | None:
        """Return what is known of one item."""
        return next((each for each in self.bought if each.item == item), None)


def past_of(model: Model, user_id: str | None, *, now: np.datetime64) -> Past:
    """Return a user's past; an empty one for guests and for strangers."""
    user = None if user_id is None else model.users.get(user_id)
    if user is None:
        return Past()
    history = model.histories.of(user)
    seconds = now.astype("datetime64[s]").astype(np.int64)
    rows = np.flatnonzero(history.orders > 0)
    days = np.maximum((seconds - history.last[rows]) // SECONDS_PER_DAY, 0)
    order = np.lexsort((history.item[rows], -history.orders[rows], days))
    return Past(
        segment=Segment(int(model.customers.segment[user])).label,
        orders=int(model.customers.frequency[user]),
        bought=tuple(
            Bought(int(history.item[rows[at]]), int(history.orders[rows[at]]), int(days[at])) for at in order.tolist()
        ),
    )
