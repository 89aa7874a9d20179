"""A user's events since the last training, as the store keeps them and as the engine takes them.

Stored with item ids, not indices: the list outlives the model it was written under.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from recommender.events import POSITIVE, Event
from recommender.histories import FreshEvent
from recommender.model import Model

REMEMBERED = POSITIVE | {Event.NOT_INTERESTED, Event.REMOVE_FROM_CART}
"""Events that change a user's next slate."""

MAX_QUANTITY = 1e6
MAX_SECONDS = 253_402_300_799
"""The end of the year 9999."""

_CART = frozenset({Event.ADD_TO_CART, Event.REMOVE_FROM_CART, Event.PURCHASE})


@dataclass(frozen=True, slots=True)
class FreshEvents:
    """What a user did since training."""

    positive: tuple[FreshEvent, ...] = ()
    """To be folded into the user's history."""
    unwanted: frozenset[int] = frozenset()
    """Indices of items the user does not want to see."""
    in_cart: frozenset[int] = frozenset()
    """Indices of items put into the cart, and neither taken out nor bought since."""

    def __bool__(self) -> bool:
        return bool(self.positive or self.unwanted)


def encode(item_id: str, event: Event, quantity: float, time: np.datetime64) -> bytes:
    """Return an event as the store keeps it."""
    seconds = int(time.astype("datetime64[s]").astype(np.int64))
    return orjson.dumps([item_id, int(event), quantity, seconds])


def of_line(event: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """Return user and event, as the store keeps it, of a line of an event file; None if it changes no slate."""
    user_id, item_id, kind = event.get("user_id"), event.get("item_id"), Event.parse(event["event"])
    if user_id is None or item_id is None or kind not in REMEMBERED:
        return None
    return user_id, encode(item_id, kind, event["quantity"], np.datetime64(event["time"].rstrip("Z"), "s"))


def decode(stored: Iterable[bytes], model: Model) -> FreshEvents:
    """Return the events that `model` does not know yet, about items it knows; unreadable ones are left out.

    `stored` is as the store keeps it, the latest first.
    """
    read = [_read(payload, model) for payload in stored][::-1]
    known = sorted((event for event in read if event is not None), key=lambda event: event.time)
    in_cart: dict[int, bool] = {}
    for event in known:
        if event.event in _CART:
            in_cart[event.item_index] = event.event is Event.ADD_TO_CART
    return FreshEvents(
        positive=tuple(event for event in known if event.event in POSITIVE and event.time >= model.as_of),
        unwanted=frozenset(event.item_index for event in known if event.event is Event.NOT_INTERESTED),
        in_cart=frozenset(item for item, inside in in_cart.items() if inside),
    )


def _read(payload: bytes, model: Model) -> FreshEvent | None:
    try:
        item_id, number, quantity, seconds = orjson.loads(payload)
        index = model.items.get(item_id)
        event = Event(number), float(quantity), np.datetime64(seconds, "s")
    except (ValueError, TypeError, OverflowError):
        return None
    if index is None or not 0 < event[1] <= MAX_QUANTITY or not 0 <= seconds <= MAX_SECONDS:
        return None
    return FreshEvent(index, *event)
