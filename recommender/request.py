"""What is asked of the engine, once ids have become indices."""

from __future__ import annotations

from dataclasses import dataclass, field

from recommender.candidates import Candidates
from recommender.errors import InvalidInput
from recommender.histories import History
from recommender.rules import Shelf
from recommender.slate import Placement

MAX_LIMIT = 100
"""Longer lists than this are exports, not shelves."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlateRequest:
    """One question: what to show whom, where.

    Raises
    ------
    InvalidInput
        If `limit` is not in [1, 100] or the price range is empty.
    """

    placement: Placement = Placement.HOME
    limit: int = 10
    user_id: str | None = None
    """For the answer only; what is known of the person is in `history`."""
    history: History | None = None
    """The person's past with fresh events folded in; None for a stranger."""
    candidates: Candidates | None = None
    """Stored personal candidates, if they are still true; otherwise they are computed."""
    context: tuple[int, ...] = ()
    """Items on the page or viewed in this session, most important first."""
    cart: tuple[int, ...] = ()
    exclude: frozenset[int] = field(default_factory=frozenset)
    """Items the caller does not want, such as those "not for me"."""
    resting: frozenset[int] = field(default_factory=frozenset)
    """Items bought so recently that offering them again would be foolish."""
    categories: tuple[str, ...] = ()
    """Only items of these categories; empty for all."""
    price_min: float | None = None
    price_max: float | None = None
    new_only: bool = False
    """Leave out everything the person owns."""
    include_out_of_stock: bool = False
    promotions: bool = True
    """Whether to offer what nobody asked for; False while the person waits for a complaint to be settled."""
    shelf: Shelf | None = None
    """Live stock and prices; None takes the catalogue's prices and everything as in stock."""

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidInput(f"limit is {self.limit}; it must be between 1 and {MAX_LIMIT}")
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise InvalidInput(f"price_min {self.price_min} is above price_max {self.price_max}")
