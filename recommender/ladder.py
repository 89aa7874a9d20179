"""The rungs from which a shelf is filled, most personal first.

Each rung is a function from the request to candidates, empty where it has nothing to say. A placement is an ordered
list of rungs; climbing down it ends at what is popular, so a shelf is never empty while the shop sells anything. The
exception is a shelf whose name is a promise (`PURE`): it would rather be empty than break it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recommender.candidates import Candidates, ReasonCode, Source
from recommender.model import Model
from recommender.neighbours import Neighbours
from recommender.ranking import Ranked
from recommender.request import SlateRequest
from recommender.slate import Placement

DEPTH = 400
"""Candidates per rung: four times the longest shelf, so that rules can be strict."""

Rung = Callable[[Model, SlateRequest, np.datetime64], Candidates]


@dataclass(frozen=True, slots=True)
class Blended:
    """The rungs on which the learned blend ranks: the engine's own."""

    personal: Rung
    """What this person may want, for whatever purpose."""
    buy_again: Rung
    """What this person owns, most needed first."""
    completing: Rung
    """What goes into the basket that is being filled."""


def bought_together(model: Model, request: SlateRequest, _now: np.datetime64) -> Candidates:
    """What completes the cart, or goes with the item on the page."""
    return _around(model.together, request.cart or request.context, Source.BOUGHT_TOGETHER, ReasonCode.BOUGHT_TOGETHER)


def similar(model: Model, request: SlateRequest, _now: np.datetime64) -> Candidates:
    """What the buyers of the item on the page (or in the cart) buy besides."""
    return _around(model.similar, request.context or request.cart, Source.SIMILAR, ReasonCode.SIMILAR_TO)


def trending(model: Model, _request: SlateRequest, _now: np.datetime64) -> Candidates:
    """What sells better lately than it used to."""
    return _candidates(model.rising.best(DEPTH), Source.TRENDING, ReasonCode.TRENDING)


def popular_in_category(model: Model, request: SlateRequest, _now: np.datetime64) -> Candidates:
    """What sells best in the category asked for, or in the categories of the items on the page and in the cart."""
    named = [model.catalogue.category_index(name) for name in request.categories]
    wanted = {index for index in named if index is not None} or {
        int(model.catalogue.category[item]) for item in (*request.context, *request.cart)
    }
    if not wanted:
        return Candidates.empty()
    found = model.selling.best_in(np.array(sorted(wanted)), DEPTH)
    return _candidates(found, Source.POPULAR_IN_CATEGORY, ReasonCode.POPULAR_IN_CATEGORY)


def popular(model: Model, _request: SlateRequest, _now: np.datetime64) -> Candidates:
    """What sells best these days."""
    return _candidates(model.selling.best(DEPTH), Source.POPULAR, ReasonCode.POPULAR)


def bestsellers(model: Model, _request: SlateRequest, _now: np.datetime64) -> Candidates:
    """What most people have ever bought."""
    return _candidates(model.best_selling.best(DEPTH), Source.POPULAR, ReasonCode.POPULAR)


def anything(model: Model, _request: SlateRequest, _now: np.datetime64) -> Candidates:
    """The whole catalogue, best sellers first: reached only when rules leave too little of the rungs above."""
    return _candidates(model.selling.best(len(model.items)), Source.POPULAR, ReasonCode.POPULAR)


PURE = frozenset({Placement.REORDER})
"""Placements whose name is a promise: what was never bought cannot be bought again, so they may be empty."""

VARIED = frozenset({Placement.HOME, Placement.EMAIL, Placement.CART})
"""Placements on which the diversity dial counts; the others promise an order: similar, due, rising, best-selling."""


def ladder(placement: Placement, blended: Blended) -> tuple[Rung, ...]:
    """Return the rungs of a placement, from the top."""
    personal = blended.personal
    return {
        Placement.HOME: (personal, similar, popular_in_category, popular, anything),
        Placement.EMAIL: (personal, popular, anything),
        Placement.PRODUCT: (similar, bought_together, popular_in_category, popular, anything),
        Placement.CART: (
            blended.completing,
            bought_together,
            similar,
            personal,
            popular_in_category,
            popular,
            anything,
        ),
        Placement.REORDER: (blended.buy_again,),
        Placement.TRENDING: (trending, popular_in_category, popular, anything),
        Placement.BESTSELLERS: (bestsellers, anything),
    }[placement]


WITHHELD = frozenset({Placement.HOME, Placement.EMAIL, Placement.CART, Placement.REORDER})
"""Placements from which promotional picks can be withheld."""


UNASKED = frozenset({Placement.EMAIL, Placement.CART})
"""Those of them that are promotion and nothing else: without it they are empty."""


def without_promotions(placement: Placement, blended: Blended) -> tuple[Rung, ...]:
    """Return the rungs that promote nothing: what the person buys again, and what answers what they look at.

    What goes beside an item they opened, and lists alike for everybody, address nobody and stay as they are.
    """
    if placement not in WITHHELD:
        return ladder(placement, blended)
    if placement in UNASKED:
        return ()
    return (blended.buy_again, similar, popular_in_category) if placement is Placement.HOME else (blended.buy_again,)


def _around(neighbours: Neighbours, anchors: tuple[int, ...], source: Source, code: ReasonCode) -> Candidates:
    """Rank what is near the anchors together; each candidate rests on the anchor nearest to it."""
    if not anchors:
        return Candidates.empty()
    around = np.array(anchors, dtype=np.int32)
    best = neighbours.tally(around, np.ones(len(around))).without(around).best(DEPTH)
    nearest = around[neighbours.links(around, best.item).argmax(axis=1)]
    return Candidates.of(best.item, best.score, source=source, reason=code, anchor=nearest)


def _candidates(ranked: Ranked, source: Source, code: ReasonCode) -> Candidates:
    return Candidates.of(ranked.item, ranked.score, source=source, reason=code)
