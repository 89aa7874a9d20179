"""What a ranking is for. Buying again dominates purchase logs, so the tasks are learned and measured apart."""

from __future__ import annotations

import enum


class Purpose(enum.StrEnum):
    """Which items may be recommended, and therefore which count as relevant."""

    ALL = "all"
    """Every item, those the user owns included."""
    NEW = "new"
    """Only items the user does not own."""
    AGAIN = "again"
    """Only items the user owns: what they will need next."""
    CART = "cart"
    """What goes into the basket that is being filled; nothing that lies in it already."""


WITHOUT_CART: tuple[Purpose, ...] = (Purpose.ALL, Purpose.NEW, Purpose.AGAIN)
"""What depends on nothing but the person's past."""

STORED: tuple[Purpose, ...] = (Purpose.ALL, Purpose.NEW)
"""What is ranked in advance, for every user; the others depend on the moment and are ranked when asked for."""
