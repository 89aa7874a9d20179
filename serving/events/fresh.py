"""A user's events since the last training, as the store keeps them and as the engine takes them.

Stored with item ids, not indices: the list outlives the model it was written under.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import orjson

from recommender.events import POSITIVE, Event
from recommender.histories import FreshEvent
from recommender.model import Model

REMEMBERED = POSITIVE | {Event.NOT_INTERESTED}
"""Events that change a user's next slate."""


@dataclass(frozen=True, slots=True)
class FreshEvents:
    """What a user did since training."""

    positive: tuple[FreshEvent, ...] = ()
    """To be folded into the user's history."""
    unwanted: frozenset[int] = frozenset()
    """Indices of items the user does not want to see."""

    def __bool__(self) -> bool:
        return bool(self.positive or self.unwanted)


def encode(item_id: str, event: Event, quantity: float, time: np.datetime64) -> bytes:
    """Return an event as the store keeps it."""
    seconds = int(time.astype("datetime64[s]").astype(np.int64))
    return orjson.dumps([item_id, int(event), quantity, seconds])


def decode(stored: Iterable[bytes], model: Model) -> FreshEvents:
    """Return the events that `model` does not know yet, about items it knows; unreadable ones are left out."""
    positive: list[FreshEvent] = []
    unwanted: set[int] = set()
    for payload in stored:
        try:
            item_id, number, quantity, seconds = orjson.loads(payload)
            event, time = Event(number), np.datetime64(seconds, "s")
            index = model.items.get(item_id)
        except (ValueError, TypeError):
            continue
        if index is None:
            continue
        if event is Event.NOT_INTERESTED:
            unwanted.add(index)
        elif time >= model.as_of:
            positive.append(FreshEvent(index, event, float(quantity), time))
    return FreshEvents(tuple(positive), frozenset(unwanted))
