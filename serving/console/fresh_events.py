"""What a customer did since training, event by event, as the store remembers it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from recommender.engine import Engine
from recommender.events import Event
from serving.events.fresh import decode

_MILLISECONDS_FROM = 100_000_000_000
"""Larger times are milliseconds since 1970: as seconds, this would be the year 5138."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event."""

    seconds: int
    """Since 1970, UTC."""
    event: Event
    item_id: str | None
    quantity: float
    said: str | None = None
    """What the event says besides: a rating, or what a complaint is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What follows from those events."""

    user_id: str = ""
    told: tuple[Told, ...] = ()
    """The latest first."""
    in_cart: frozenset[int] = frozenset()
    like_cart: frozenset[int] = frozenset()
    """What bears the titles of what is in it, this included."""
    unwanted: frozenset[int] = frozenset()
    resting: frozenset[int] = frozenset()
    complaints: tuple[Told, ...] = ()
    """Those that were opened and not closed yet."""


def session_of(stored: Sequence[bytes], engine: Engine, user_id: str, *, now: np.datetime64) -> Session:
    """Return what is known from the stored events of one user."""
    told = tuple(sorted(_read_all(stored), key=lambda event: -event.seconds))
    fresh = decode(stored, engine, user_id)
    return Session(
        user_id=user_id,
        told=told,
        in_cart=fresh.in_cart,
        unwanted=fresh.unwanted,
        like_cart=fresh.like_cart,
        resting=fresh.resting(engine.model, now=now),
        complaints=tuple(_open_complaints(told[::-1])),
    )


def _read_all(stored: Iterable[bytes]) -> Iterable[Told]:
    for payload in stored:
        try:
            item_id, event, quantity, time, *said = orjson.loads(payload)
            seconds = int(time) // 1000 if time > _MILLISECONDS_FROM else int(time)
            about = str(said[0]) if said and said[0] is not None else None
            told = Told(seconds, Event(event), item_id, float(quantity), about)
        except (ValueError, TypeError, OverflowError):
            continue
        if math.isfinite(told.quantity) and (item_id is None or isinstance(item_id, str)):
            yield told


def _open_complaints(told: Iterable[Told]) -> Iterable[Told]:
    """Return the complaints that are open after events in the order of time; one closed without a name closes all."""
    found: dict[str | None, Told] = {}
    for event in told:
        if event.event is Event.COMPLAINT_OPENED:
            found[event.said] = event
        elif event.event is Event.COMPLAINT_CLOSED and event.said is None:
            found.clear()
        elif event.event is Event.COMPLAINT_CLOSED:
            found.pop(event.said, None)
    return found.values()
