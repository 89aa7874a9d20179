"""What is to be expected of every user: orders, money, and the day of the next order.

It is worked out when a model is trained, as of the end of the log (`recommender.loyalty.forecast`), and travels in the
artifact as plain columns. An order here is a day with at least one order: two checkouts on one day are one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput

Floats = npt.NDArray[np.float32]
Days = npt.NDArray[np.datetime64]

HORIZON_DAYS = 90
"""How far expected money looks ahead: a season, in which a shop plans its mailings."""

SHORT_HORIZON_DAYS = 30
"""The shorter of the two horizons of expected orders."""

INTERVAL = (0.1, 0.9)
"""The quantiles between which the next order lies: an interval of 80 %."""

FARTHEST_DAYS = 3650
"""No day later than this after the end of the log is named: it stands for "not within ten years"."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """The expected future of every user.

    Raises
    ------
    InvalidInput
        If the columns differ in length.
    """

    alive: Floats
    """(n_users,) probability of still being a customer; NaN for who never ordered, as the columns of orders and money,
    and for everybody in a shop in which nothing can be said."""
    orders_30: Floats
    """(n_users,) expected orders in the 30 days after the end of the log."""
    orders_90: Floats
    """(n_users,) expected orders in the 90 days after the end of the log."""
    value_90: Floats
    """(n_users,) expected money in those 90 days, in the shop's currency."""
    next_order: Days
    """(n_users,) datetime64[D]: the median day of the next order of who comes back; NaT where nothing can be said."""
    next_order_from: Days
    """(n_users,) datetime64[D]: one in ten of those who come back does so before it."""
    next_order_until: Days
    """(n_users,) datetime64[D]: one in ten of those who come back does so after it."""

    def __post_init__(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in self.__dataclass_fields__}
        if len(set(lengths.values())) != 1:
            raise InvalidInput(f"outlook columns differ in length: {lengths}")

    @classmethod
    def unknown(cls, n_users: int) -> Outlook:
        """Return the outlook of `n_users` of whom nothing can be said."""
        number, day = np.full(n_users, np.nan, np.float32), np.full(n_users, "NaT", "datetime64[D]")
        return cls(number, number, number, number, day, day, day)

    def __len__(self) -> int:
        """Return the number of users."""
        return len(self.alive)

    def select(self, keep: npt.NDArray[np.bool_]) -> Outlook:
        """Return the rows of the users in the mask `keep` (n_users,)."""
        return Outlook(**{name: getattr(self, name)[keep] for name in self.__dataclass_fields__})

    @property
    def is_known(self) -> npt.NDArray[np.bool_]:
        """(n_users,) of whom something is said."""
        known: npt.NDArray[np.bool_] = ~np.isnan(self.alive)
        return known
