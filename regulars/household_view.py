"""A household as a person reads it: two tables, what they bought lately and what they are offered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from recommender.loyalty.rfm import Segment
from regulars.terminal import RIGHT, plain, table
from serving.campaigns.wording import price_words
from training.households import Household


class Offer(NamedTuple):
    """What a household is offered, in words."""

    item_id: str
    title: str
    price: float | None
    why: str


def household_view(household: Household, offers: Sequence[Offer], *, currency: str) -> RenderableType:
    """Return the two tables under a headline."""
    bought = table(
        ["bought lately", f"{RIGHT}orders", f"{RIGHT}last"],
        [(p.title, p.orders, days_ago(p.days_ago)) for p in household.lately],
    )
    offered = table(
        [f"{RIGHT}#", "offered", f"{RIGHT}{currency}", "why"],
        [
            (rank, offer.title or offer.item_id, price_words(offer.price, currency), offer.why)
            for rank, offer in enumerate(offers, start=1)
        ],
    )
    return Group(headline(household), bought, offered)


def headline(household: Household) -> Text:
    """Return who it is."""
    who = f"{described(household.segment)}; {orders(household.orders)}, the last {days_ago(household.recency_days)}"
    return Text.assemble(plain(f"Household {household.user_id}", style="bold"), plain(f": {who}"))


def described(segment: Segment) -> str:
    """Return the segment as it is said of one person.

    >>> described(Segment.CHAMPION), described(Segment.AT_RISK)
    ('a champion', 'at risk')
    """
    return f"a {segment.label}" if segment in (Segment.CHAMPION, Segment.PROSPECT) else segment.label


def orders(count: int) -> str:
    """Return a number of orders in words."""
    return "1 order" if count == 1 else f"{count:,} orders"


def days_ago(days: int) -> str:
    """Return a number of days in words.

    >>> days_ago(0), days_ago(1), days_ago(12)
    ('today', 'yesterday', '12 days ago')
    """
    return {0: "today", 1: "yesterday"}.get(days, f"{days:,} days ago")
