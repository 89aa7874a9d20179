"""The ordered list that is shown, and why each item is on it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime

from recommender.candidates import ReasonCode, Source


class Placement(enum.StrEnum):
    """Where a slate is shown; it decides which ladder is climbed."""

    HOME = "home"
    PRODUCT = "product"
    CART = "cart"
    REORDER = "reorder"
    EMAIL = "email"
    TRENDING = "trending"
    BESTSELLERS = "bestsellers"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item is offered, as data: a storefront turns it into words in its own language."""

    code: ReasonCode
    item_id: str | None = None
    """The item the reason rests on, such as the earlier purchase."""
    due_on: date | None = None
    """For buy-again: the day the user is expected to need it."""


@dataclass(frozen=True, slots=True)
class SlateItem:
    """One place on a slate."""

    item_id: str
    rank: int
    """From 1, without gaps."""
    score: float
    source: Source
    reason: Reason


@dataclass(frozen=True, slots=True)
class Slate:
    """An answer: what to show whom, where, and where it came from."""

    slate_id: str
    """Events carry it, so that a click can be traced to what was shown."""
    user_id: str | None
    """None for a guest."""
    placement: Placement
    items: tuple[SlateItem, ...]
    source: Source
    """The highest rung that contributed an item."""
    model_version: str
    created_at: datetime
    """UTC."""
