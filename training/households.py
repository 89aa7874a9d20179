"""A few users worth looking at, and what to look at: what they bought lately, what they are offered, and why.

The demo shows three: a champion, somebody at risk, and somebody new or seldom seen. The choice is a function of the
model alone, so every run of the demo shows the same people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recommender.histories import History
from recommender.interactions import SECONDS_PER_DAY
from recommender.loyalty.rfm import CustomerBase, Segment
from recommender.model import Model

WANTED = (
    (0.5, (Segment.CHAMPION, Segment.LOYAL)),
    (0.5, (Segment.AT_RISK, Segment.LAPSED)),
    (0.0, (Segment.NEW, Segment.ACTIVE, Segment.LOST)),
)
"""One household of each row: of the first segment in it that has anybody left, who has more orders than this share."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """An item of somebody's past."""

    item_id: str
    title: str
    orders: int
    days_ago: int


@dataclass(frozen=True, slots=True)
class Household:
    """Somebody, and what they bought lately."""

    user_index: int
    user_id: str
    segment: Segment
    orders: int
    recency_days: int
    lately: tuple[Purchase, ...]
    """The latest first."""


def households(model: Model, *, now: np.datetime64, purchases: int = 5) -> list[Household]:
    """Return up to three households, always the same ones for the same model."""
    chosen: list[int] = []
    for share, segments in WANTED:
        chosen += _standing_for(model.customers, segments, share, taken=chosen)
    return [_household(model, user_index, now=now, purchases=purchases) for user_index in chosen]


def _standing_for(
    customers: CustomerBase, segments: tuple[Segment, ...], share: float, *, taken: list[int]
) -> list[int]:
    """Return one member of the first segment that has any, or nobody."""
    for segment in segments:
        members = np.setdiff1d(customers.members(segment), taken)
        if len(members):
            by_orders = members[np.argsort(customers.frequency[members], kind="stable")]
            return [int(by_orders[int(share * len(by_orders))])]
    return []


def _household(model: Model, user_index: int, *, now: np.datetime64, purchases: int) -> Household:
    customers = model.customers
    return Household(
        user_index=user_index,
        user_id=model.users.ids[user_index],
        segment=Segment(int(customers.segment[user_index])),
        orders=int(customers.frequency[user_index]),
        recency_days=int(customers.recency_days[user_index]),
        lately=tuple(_lately(model, model.histories.of(user_index), now=now))[:purchases],
    )


def _lately(model: Model, history: History, *, now: np.datetime64) -> Iterator[Purchase]:
    """Yield what was bought, the latest first; of one day, what was bought most often."""
    bought = np.flatnonzero(history.orders > 0)
    days_ago = (now.astype("datetime64[s]").astype(np.int64) - history.last[bought]) // SECONDS_PER_DAY
    for row in np.lexsort([history.item[bought], -history.orders[bought], days_ago]):
        item = int(history.item[bought[row]])
        item_id = model.items.ids[item]
        title = model.catalogue.title[item] or item_id
        yield Purchase(item_id, title, int(history.orders[bought[row]]), max(0, int(days_ago[row])))
