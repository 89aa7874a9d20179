"""The kinds of things a user does, and the numbers they are stored as.

The numbers are a wire format: artifacts and packed records hold them. Append, never renumber.
"""

from __future__ import annotations

import enum


class Event(enum.IntEnum):
    """A raw storefront message, or a line of a purchase log.

    >>> Event.parse("add_to_cart")
    <Event.ADD_TO_CART: 2>
    """

    PURCHASE = 0
    CLICK = 1
    ADD_TO_CART = 2
    IMPRESSION = 3
    RETURN = 4
    NOT_INTERESTED = 5
    COMPLAINT_OPENED = 6
    COMPLAINT_CLOSED = 7
    REMOVE_FROM_CART = 8
    RATING = 9

    @property
    def label(self) -> str:
        """The name used in files, in the API and in the configuration."""
        return self.name.lower()

    @classmethod
    def parse(cls, label: str) -> Event:
        """Return the event called `label`; raise `ValueError` naming the known ones."""
        try:
            return cls[label.strip().upper()]
        except KeyError:
            known = ", ".join(event.label for event in cls)
            raise ValueError(f"{label!r} is no event; known are {known}") from None


POSITIVE = frozenset({Event.PURCHASE, Event.CLICK, Event.ADD_TO_CART})
"""Events that say "yes" to an item and may enter the confidence matrix."""
