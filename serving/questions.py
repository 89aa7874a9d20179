"""What is asked for a shelf, in the shop's ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recommender.purpose import Purpose
from recommender.slate import Placement
from serving.visitors import visitor

IMPERSONAL = frozenset({Placement.PRODUCT, Placement.TRENDING, Placement.BESTSELLERS})
"""Placements whose ladder has no personal rung: what the user owns counts, their candidates do not."""

PREPARED = frozenset({Placement.HOME, Placement.EMAIL})
"""Placements that begin with a user's stored candidates."""

EVERYBODY = (Placement.HOME, Placement.EMAIL, Placement.TRENDING, Placement.BESTSELLERS)
"""Placements that need no item to speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, in full."""

    placement: Placement = Placement.HOME
    user_id: str | None = None
    anonymous_id: str | None = None
    """Which guest; beside `user_id`, the guest that the user was on this device until they signed in."""
    limit: int = 10
    viewed: tuple[str, ...] = ()
    """Items on the page or looked at in this session, latest first."""
    cart: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    new_only: bool = False
    include_out_of_stock: bool = False
    reasons: bool = True

    @property
    def visitor(self) -> str | None:
        """The name under which the visitor's events are kept; None if nobody is named."""
        return visitor(self.user_id, self.anonymous_id)

    @property
    def guest(self) -> str | None:
        """The same name of the guest, be it one who has signed in; None if none is named."""
        return visitor(None, self.anonymous_id)

    @property
    def is_filtered(self) -> bool:
        """Whether the shelf is restricted in a way that only the engine knows about."""
        priced = self.price_min is not None or self.price_max is not None
        return bool(self.categories) or priced or self.include_out_of_stock

    @property
    def is_for_everybody(self) -> bool:
        """Whether all guests get the same, beside one item at most."""
        if self.placement is Placement.PRODUCT:
            return len(self.viewed) <= 1
        return self.placement in EVERYBODY and not self.viewed

    @property
    def asked(self) -> Asked | None:
        """The question less its ids if a prepared list may answer it."""
        if self.is_filtered or self.cart:
            return None
        return Asked(self.placement, Purpose.NEW if self.new_only else Purpose.ALL, self.limit, self.reasons)


class Asked(NamedTuple):
    """What is asked of a prepared list: all but the ids."""

    placement: Placement
    purpose: Purpose
    limit: int
    reasons: bool

    def question(self, user_id: str | None, *, viewed: tuple[str, ...] = (), exclude: Sequence[str] = ()) -> Question:
        """Return the whole question."""
        return Question(
            placement=self.placement,
            user_id=user_id,
            limit=self.limit,
            viewed=viewed,
            exclude=tuple(exclude),
            new_only=self.purpose is Purpose.NEW,
            reasons=self.reasons,
        )
