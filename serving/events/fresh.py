"""A visitor's events since the last training, as the store keeps them and as the engine takes them.

Stored with item ids, not indices: the list outlives the model it was written under. They are read in the order of
their times, however late they came, and about each item the last word counts: who buys what they once refused wants
it, and who sends back what they bought does not.

========================  ==================================================================
says yes                  purchase, a rating of 3 or more
says no                   not_interested, return, a rating of 1 or 2
says neither              click, add_to_cart, remove_from_cart
========================  ==================================================================

A yes or a no counts for all items of the title, which nobody can tell apart; before a no, a yes to the item itself is
void. A rating of 4 or 5 counts as a click does: whoever bought the item has said more already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import orjson

from recommender.engine import Engine
from recommender.events import POSITIVE, Event
from recommender.histories import FreshEvent
from recommender.loyalty.due import resting_items
from recommender.model import Model
from serving.stores.fresh_lists import LASTING, STANDING

COMPLAINTS = frozenset({Event.COMPLAINT_OPENED, Event.COMPLAINT_CLOSED})
REMEMBERED = POSITIVE | COMPLAINTS | {Event.NOT_INTERESTED, Event.RETURN, Event.RATING, Event.REMOVE_FROM_CART}
"""Events that change a visitor's next slate."""

MAX_DISLIKE = 2
"""Ratings up to this one refuse an item."""
MIN_LIKE = 4
"""Ratings from this one on count as a mild yes."""

MAX_QUANTITY = 1e6
MAX_MILLISECONDS = 253_402_300_799_999
"""The end of the year 9999."""

_CART = frozenset({Event.ADD_TO_CART, Event.REMOVE_FROM_CART, Event.PURCHASE})
_PASSING = frozenset({Event.CLICK})
"""What many of make a visitor's list forget the first; everything else lasts longer."""
_STANDING = COMPLAINTS | {Event.NOT_INTERESTED, Event.RETURN, Event.RATING}
"""What no order, however large, makes a list forget: it would bring back what the visitor will not have."""


@dataclass(frozen=True, slots=True)
class FreshEvents:
    """What a visitor did since training."""

    positive: tuple[FreshEvent, ...] = ()
    """To be folded into their history."""
    bought: tuple[FreshEvent, ...] = ()
    """Purchases the store remembers, those that the model knows included: they rest their items."""
    unwanted: frozenset[int] = frozenset()
    """Indices of items the visitor refused, and of what leaves with them."""
    in_cart: frozenset[int] = frozenset()
    """Indices of items put into the cart, and neither taken out nor bought since."""
    twins: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """What bears the titles of the items bought or in the cart, by their indices, if there is more than one."""
    has_complaint: bool = False
    """Whether the visitor waits for a complaint to be settled."""

    @property
    def like_cart(self) -> frozenset[int]:
        """What is in the cart, and what a shopper cannot tell apart from it."""
        return self._with_twins(self.in_cart)

    def resting(self, model: Model, *, now: np.datetime64) -> frozenset[int]:
        """Return what was bought so lately that nothing of its title is offered now."""
        return self._with_twins(resting_items(self.bought, model.repeat, now=now))

    def barred(self, model: Model, *, now: np.datetime64) -> frozenset[int]:
        """Return the items that no shelf of this visitor shows now."""
        return self.unwanted | self.like_cart | self.resting(model, now=now)

    def _with_twins(self, items: frozenset[int]) -> frozenset[int]:
        return items.union(*(self.twins[item] for item in items if item in self.twins))


class Stored(NamedTuple):
    """What `decode` is given, in words."""

    item_id: str | None
    event: Event
    quantity: float
    milliseconds: int
    said: Any = None
    """The value of a rating, or what a complaint is called."""
    tag: str = ""
    """Tells events apart that are alike in everything else: a few digits of a hash of the id."""


@dataclass(slots=True)
class _Reading:
    """What is known after some events."""

    positive: dict[int, list[FreshEvent]] = field(default_factory=dict)
    refused: dict[int, None] = field(default_factory=dict)
    in_cart: dict[int, bool] = field(default_factory=dict)
    complaints: dict[Any, None] = field(default_factory=dict)


def encode(stored: Stored) -> bytes:
    """Return an event as the store keeps it."""
    payload = orjson.dumps(list(stored))
    if stored.event in _PASSING:
        return payload
    return (STANDING if stored.event in _STANDING else LASTING) + payload


def of_line(event: Mapping[str, Any], time: np.datetime64 | None = None) -> bytes | None:
    """Return an event of an event file as the store keeps it; None if it changes no slate.

    `time` is more exact than the line's.
    """
    kind = Event.parse(event["event"])
    item_id = event.get("item_id")
    if kind not in REMEMBERED or (item_id is None and kind not in COMPLAINTS):
        return None
    moment = np.datetime64(event["time"].rstrip("Z"), "s") if time is None else time
    milliseconds = int(moment.astype("datetime64[ms]").astype(np.int64))
    called = event.get("complaint_id") or event.get("order_id")
    said = event.get("rating") if kind is Event.RATING else called if kind in COMPLAINTS else None
    tag = hashlib.blake2s(event.get("event_id", "").encode(), digest_size=4).hexdigest()
    return encode(Stored(item_id, kind, event["quantity"], milliseconds, said, tag))


def decode(stored: Iterable[bytes], engine: Engine, user_id: str | None = None) -> FreshEvents:
    """Return the events that the model does not know yet, about items it knows; unreadable ones are left out.

    `stored` is as the store keeps it, the latest first; `user_id` is None for a guest.
    """
    model, reading = engine.model, _Reading()
    read = [_read(payload) for payload in stored][::-1]
    for event in sorted((event for event in read if event is not None), key=lambda event: event.milliseconds):
        _take(event, reading, engine)
    known = [event for of_item in reading.positive.values() for event in of_item]
    bought = tuple(event for event in known if event.event is Event.PURCHASE)
    own = {event.item_index for event in bought}
    in_cart = frozenset(item for item, inside in reading.in_cart.items() if inside)
    return FreshEvents(
        positive=tuple(sorted((e for e in known if e.time >= model.as_of), key=lambda e: e.time)),
        bought=bought,
        unwanted=engine.leaving(reading.refused, user_id, bought=own) if reading.refused else frozenset(),
        in_cart=in_cart,
        twins={item: twins for item in own | in_cart if len(twins := engine.twins.with_twins([item])) > 1},
        has_complaint=bool(reading.complaints),
    )


def _take(stored: Stored, reading: _Reading, engine: Engine) -> None:
    """Take one event into account; earlier ones were taken before."""
    kind = stored.event
    if kind in COMPLAINTS:
        _take_complaint(stored, reading)
        return
    item = None if stored.item_id is None else engine.model.items.get(stored.item_id)
    if item is None:
        return
    if kind in _CART:
        reading.in_cart[item] = kind is Event.ADD_TO_CART
    if kind in (Event.NOT_INTERESTED, Event.RETURN) or (kind is Event.RATING and stored.said <= MAX_DISLIKE):
        reading.refused[item] = None
        reading.positive.pop(item, None)
        return
    if kind in (Event.PURCHASE, Event.RATING):
        for twin in engine.twins.of(item).tolist() if reading.refused else ():
            reading.refused.pop(twin, None)
    if kind in POSITIVE or (kind is Event.RATING and stored.said >= MIN_LIKE):
        time = np.datetime64(stored.milliseconds // 1000, "s")
        event = FreshEvent(item, kind if kind in POSITIVE else Event.CLICK, stored.quantity, time)
        reading.positive.setdefault(item, []).append(event)


def _take_complaint(stored: Stored, reading: _Reading) -> None:
    """Open a complaint or close it; one that is closed without a name closes all of them."""
    if stored.event is Event.COMPLAINT_OPENED:
        reading.complaints[stored.said] = None
    elif stored.said is None:
        reading.complaints.clear()
    else:
        reading.complaints.pop(stored.said, None)


def _read(payload: bytes) -> Stored | None:
    try:
        item_id, number, quantity, milliseconds, *rest = orjson.loads(payload)
        said = rest[0] if rest else None
        stored = Stored(item_id, Event(number), float(quantity), int(milliseconds), said)
    except (ValueError, TypeError, OverflowError):
        return None
    is_whole = 0 < stored.quantity <= MAX_QUANTITY and 0 <= stored.milliseconds <= MAX_MILLISECONDS
    is_text = (item_id is None and stored.event in COMPLAINTS) or isinstance(item_id, str)
    is_said = isinstance(said, int | float) if stored.event is Event.RATING else said is None or isinstance(said, str)
    return stored if is_whole and is_text and is_said else None
