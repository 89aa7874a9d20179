"""One customer as the shop's team sees them: what the model knows, and what was heard since.

A model knows a past as one row per item: how often, first and last. Single orders are not in it, so none are shown.
"""

from __future__ import annotations

import enum
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.engine import REPLENISHABLE_RATE, Engine
from recommender.events import Event
from recommender.histories import History
from recommender.ids import IdMap
from recommender.loyalty.due import due_days
from recommender.loyalty.rfm import CustomerBase, Segment
from recommender.purpose import Purpose
from recommender.rules import Shelf
from serving.console.fresh_events import Session, Told
from serving.console.words import in_words

MAX_FOUND = 50
"""Users that a search by prefix lists."""
FEW_ITEMS = 25
"""Items of a past that are shown unless all are asked for."""
LOOKED_AT = 100
"""Candidates that are searched for what is out of stock."""


class Order(enum.StrEnum):
    """How a past is sorted."""

    LATEST = "latest"
    OFTEN = "often"
    DUE = "due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loyalty:
    """Where somebody stands among the shop's customers."""

    segment: str
    recency_days: float | None
    frequency: int
    monetary: float
    gap_days: float | None
    scores: tuple[tuple[str, int], ...]
    """Name and score, 1 to 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """One item of a past."""

    item_id: str
    title: str
    category: str
    orders: int
    """0 where it was looked at only."""
    first: int
    """Seconds since 1970."""
    last: int
    due_on: np.datetime64 | None
    """Day on which it is expected to be needed again."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One event since training."""

    told: Told
    what: str
    title: str


@dataclass(frozen=True, slots=True)
class HeldBack:
    """An item that no shelf shows now, and those of its title that are not shown for the same reason."""

    item_id: str
    title: str
    why: str
    count: int = 1
    """How many items that is; packings and flavours often share a title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Everything of one person."""

    user_id: str
    is_in_model: bool
    loyalty: Loyalty | None
    owned: tuple[Owned, ...]
    n_owned: int
    deeds: tuple[Deed, ...]
    cart: tuple[tuple[str, str], ...]
    """Item ids and titles."""
    complaints: tuple[Told, ...]
    held_back: tuple[HeldBack, ...]


def found_by_prefix(users: IdMap, prefix: str, *, is_erased: Callable[[str], bool]) -> Iterator[str]:
    """Yield the users whose ids begin with `prefix`, ascending, an exact match first."""
    start = bisect_left(users.ids, prefix)
    for index in range(start, len(users)):
        if not users.ids[index].startswith(prefix):
            return
        if not is_erased(users.ids[index]):
            yield users.ids[index]


def search(users: IdMap, prefix: str, *, is_erased: Callable[[str], bool]) -> tuple[list[str], bool]:
    """Return the first users whose ids begin with `prefix`, and whether there are more."""
    found = list(islice(found_by_prefix(users, prefix, is_erased=is_erased), MAX_FOUND + 1))
    return found[:MAX_FOUND], len(found) > MAX_FOUND


def customer_of(
    engine: Engine,
    user_id: str,
    session: Session,
    *,
    shelf: Shelf,
    now: np.datetime64,
    order: Order = Order.LATEST,
    all_items: bool = False,
) -> Customer:
    """Gather what is known of one user. Takes milliseconds: runs in a thread."""
    model = engine.model
    index = model.users.get(user_id)
    history = engine.history(user_id)
    owned = [] if history is None else list(_owned(engine, history, order, most=None if all_items else FEW_ITEMS))
    return Customer(
        user_id=user_id,
        is_in_model=index is not None,
        loyalty=None if index is None else loyalty_of(model.customers, index),
        owned=tuple(owned),
        n_owned=0 if history is None else len(history),
        deeds=tuple(_deed(engine, told) for told in session.told),
        cart=tuple((model.items.ids[item], model.catalogue.title[item]) for item in sorted(session.in_cart)),
        complaints=session.complaints,
        held_back=tuple(_held_back(engine, history, session, shelf=shelf, now=now)),
    )


def loyalty_of(customers: CustomerBase, index: int) -> Loyalty:
    """Return one row of the customer base."""
    recency, gap = float(customers.recency_days[index]), float(customers.gap_days[index])
    return Loyalty(
        segment=Segment(int(customers.segment[index])).label,
        recency_days=recency if np.isfinite(recency) else None,
        frequency=int(customers.frequency[index]),
        monetary=float(customers.monetary[index]),
        gap_days=gap if np.isfinite(gap) else None,
        scores=(
            ("Recency", int(customers.recency_score[index])),
            ("Frequency", int(customers.frequency_score[index])),
            ("Money", int(customers.monetary_score[index])),
        ),
    )


def _owned(engine: Engine, history: History, order: Order, *, most: int | None) -> Iterator[Owned]:
    model = engine.model
    due = due_days(history.last, model.repeat.gaps_of(history))
    returns = model.repeat.rate[history.item] >= REPLENISHABLE_RATE
    keys: dict[Order, tuple[npt.NDArray[Any], ...]] = {
        Order.LATEST: (-history.last, -history.orders),
        Order.OFTEN: (-history.orders, -history.last),
        Order.DUE: (np.where(returns & (history.orders > 0), due.astype(np.int64), np.iinfo(np.int64).max),),
    }
    for row in np.lexsort((history.item, *reversed(keys[order])))[:most].tolist():
        item = int(history.item[row])
        is_due = bool(returns[row]) and history.orders[row] > 0
        yield Owned(
            item_id=model.items.ids[item],
            title=model.catalogue.title[item],
            category=model.catalogue.categories[model.catalogue.category[item]],
            orders=int(history.orders[row]),
            first=int(history.first[row]),
            last=int(history.last[row]),
            due_on=due[row] if is_due else None,
        )


def _deed(engine: Engine, told: Told) -> Deed:
    title = ""
    if told.item_id is not None and (index := engine.model.items.get(told.item_id)) is not None:
        title = engine.model.catalogue.title[index]
    return Deed(told, in_words(told.event.label), title)


def _held_back(
    engine: Engine, history: History | None, session: Session, *, shelf: Shelf, now: np.datetime64
) -> Iterator[HeldBack]:
    """Yield what would be offered, or was asked about, and is not shown: each title once for its first reason."""
    reasons: dict[int, str] = {}
    _note(reasons, session.in_cart, "it is in their cart")
    _note(reasons, session.like_cart, "one of its title is in their cart")
    _note(reasons, session.unwanted, "they do not want it, or one much like it")
    _note(reasons, session.resting, "they bought it just now")
    _note(reasons, _sold_out(engine, history, shelf=shelf, now=now), "it is out of stock")
    alike: dict[tuple[str, str], list[int]] = {}
    for item, why in reasons.items():
        alike.setdefault((engine.model.catalogue.title[item] or engine.model.items.ids[item], why), []).append(item)
    for (_, why), items in alike.items():
        first = items[0]
        yield HeldBack(engine.model.items.ids[first], engine.model.catalogue.title[first], why, len(items))


def _sold_out(engine: Engine, history: History | None, *, shelf: Shelf, now: np.datetime64) -> Iterable[int]:
    if history is None or not len(history) or bool(shelf.in_stock.all()):
        return ()
    items = engine.candidates(history, purpose=Purpose.ALL, now=now, k=LOOKED_AT).item
    sold_out: list[int] = items[~shelf.in_stock[items]].tolist()
    return sold_out


def _note(reasons: dict[int, str], items: Iterable[int], why: str) -> None:
    for item in sorted(items):
        reasons.setdefault(item, why)


def last_item(session: Session, engine: Engine) -> str | None:
    """Return the item a customer last had to do with: the likeliest page they are on."""
    ignored = (Event.NOT_INTERESTED, Event.RETURN)
    for told in session.told:
        if told.item_id is not None and told.event not in ignored and told.item_id in engine.model.items:
            return told.item_id
    history = engine.history(session.user_id)
    if history is None or not len(history):
        return None
    return engine.model.items.ids[int(history.item[int(np.argmax(history.last))])]
