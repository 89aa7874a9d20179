"""What a customer is offered now on each placement, and why: answers of the API itself, read back.

The same `Service` answers as for storefronts, so what is shown here is what they get, fresh events, stock and all. It
is asked without any event being reported: looking changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from recommender.engine import Engine
from recommender.slate import Placement
from serving.console.words import in_words, reason_words
from serving.problems import Problem
from serving.questions import Question
from serving.service import Service

SHOWN = 10
"""Items of each shelf."""

_TITLES = {
    Placement.HOME: "Home page",
    Placement.REORDER: "Buy it again",
    Placement.CART: "Cart page",
    Placement.PRODUCT: "Product page",
    Placement.EMAIL: "Mailing",
    Placement.TRENDING: "Trending",
    Placement.BESTSELLERS: "Best sellers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One place on a shelf."""

    rank: int
    item_id: str
    title: str
    category: str
    price: float | None
    score: float
    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One shelf."""

    placement: str
    title: str
    beside: str = ""
    """What the shelf stands beside: the item of the product page, or the cart."""
    source: str = ""
    degraded: str | None = None
    experiment: str | None = None
    """Experiment and variant that decided, if one did."""
    items: tuple[Offer, ...] = ()
    problem: str | None = None
    """Why there is no answer."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What reasons are put into words with."""

    orders: Mapping[str, int]
    """item_id → in how many orders of the log the customer bought it."""
    today: date


def orders_of(engine: Engine, user_id: str) -> dict[str, int]:
    """Return how often a user bought each item, as the model knows."""
    history = engine.history(user_id)
    if history is None:
        return {}
    ids = engine.model.items.ids
    pairs = zip(history.item.tolist(), history.orders.tolist(), strict=True)
    return {ids[item]: int(orders) for item, orders in pairs if orders}


async def offered(
    service: Service, user_id: str, *, cart: Sequence[str], viewed: str | None, today: date
) -> list[Offered]:
    """Ask for every shelf of one customer; `viewed` is the item whose page they are on."""
    here = await service.having_read([user_id])
    asked = _Asked(orders_of(here.engine, user_id), today)
    shelves = []
    for placement, title in _TITLES.items():
        question = Question(
            placement=placement,
            user_id=user_id,
            limit=SHOWN,
            cart=tuple(cart) if placement is Placement.CART else (),
            viewed=(viewed,) if viewed is not None and placement is Placement.PRODUCT else (),
        )
        beside = f"beside {viewed}" if question.viewed else ""
        shelves.append(await _answer(here, question, title=title, beside=beside, asked=asked))
        await asyncio.sleep(0)
    return shelves


async def _answer(service: Service, question: Question, *, title: str, beside: str, asked: _Asked) -> Offered:
    try:
        reply = await service.reply(question)
    except Problem as problem:
        return Offered(placement=question.placement.value, title=title, beside=beside, problem=problem.detail)
    body = orjson.loads(reply.body)
    experiment = ", ".join(body[name] for name in ("experiment", "variant") if body.get(name)) or None
    return Offered(
        placement=question.placement.value,
        title=title,
        beside=beside,
        source=in_words(body["source"]),
        degraded=in_words(body["degraded_reason"]) if body.get("degraded_reason") else None,
        experiment=experiment,
        items=tuple(_offer(item, asked) for item in body["items"]),
    )


def _offer(item: dict[str, Any], asked: _Asked) -> Offer:
    return Offer(
        rank=item["rank"],
        item_id=item["item_id"],
        title=item["title"],
        category=item["category"],
        price=item["price"],
        score=item["score"],
        source=in_words(item["source"]),
        reason=_reason(item, asked),
    )


def _reason(item: dict[str, Any], asked: _Asked) -> str:
    """Say why; some experiments keep reasons to themselves."""
    if (reason := item["reason"]) is None:
        return "They are not told why"
    due_on = date.fromisoformat(reason["due_on"]) if reason["due_on"] else None
    title, orders = reason["item_title"] or reason["item_id"], asked.orders.get(item["item_id"])
    return reason_words(reason["code"], title, due_on, today=asked.today, orders=orders)
