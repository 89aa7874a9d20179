"""From a model and a question to a slate.

The engine is a pure function of the model, the request and the time: no clock, no store, no randomness. The
publisher asks it for every user's candidates, the API asks it when stored candidates are missing or out of date, and
campaigns ask it for the same picks; that is why all three agree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from recommender.arrangement import NO_DUE, Arranged, Arrangement
from recommender.candidates import NO_ANCHOR, Candidates, ReasonCode, Source
from recommender.diversity import Variety
from recommender.features import NO_CART, Describer
from recommender.histories import FreshEvent, History
from recommender.influence import Evidence
from recommender.ladder import DEPTH, VARIED, ladder, without_promotions
from recommender.loyalty.due import DUE_FROM, DUE_UNTIL, due_days
from recommender.model import Model
from recommender.personal import PersonalRanking
from recommender.personal_rungs import PersonalRungs
from recommender.purpose import Purpose
from recommender.ranking import Ranked
from recommender.refusals import Refusals
from recommender.request import SlateRequest
from recommender.rules import Among, NotAmong, Only, PriceBetween, Rule, keep_all
from recommender.slate import Reason, Slate, SlateItem
from recommender.twins import Twins

REPLENISHABLE_RATE = 0.05
"""An item that at least this share of its buyers bought again may be offered to its owners."""


_EPOCH = date(1970, 1, 1)


class Engine:
    """Answers every question a shop asks of one model. Immutable, and safe to share between threads.

    Parameters
    ----------
    model
        What was trained.
    version
        Its version, named in every slate.
    variety
        How varied slates are; None for what the model was trained with.
    """

    def __init__(self, model: Model, *, version: str, variety: Variety | None = None) -> None:
        self.model = model
        self.version = version
        self._arrangement = Arrangement(model.catalogue, model.factors, model.variety if variety is None else variety)
        self.twins = Twins(self._arrangement.twin)
        """What a shopper cannot tell apart."""
        self._refusals = Refusals(model.similar, self._arrangement.category, self.twins)
        self._describer = Describer(model)
        for standing in (model.selling, model.rising, model.best_selling):
            standing.prepare()
        self._replenishable = model.repeat.rate >= REPLENISHABLE_RATE

    def history(self, user_id: str) -> History | None:
        """Return what the model knows of a user, or None if it never heard of them."""
        index = self.model.users.get(user_id)
        return None if index is None else self.model.histories.of(index)

    def leaving(self, refused: Iterable[int], user_id: str | None, *, bought: Iterable[int] = ()) -> frozenset[int]:
        """Return the `refused` items and what leaves with them; of what is merely near, what is `bought` stays."""
        history = None if user_id is None else self.history(user_id)
        own = np.array(list(bought), dtype=np.int32)
        owned = own if history is None else np.concatenate([history.owned, own])
        return self._refusals.leaving(refused, owned=owned)

    def with_events(self, history: History | None, events: Sequence[FreshEvent]) -> History | None:
        """Return the past brought up to date; None if there is still nothing to know."""
        start = History.empty(self.model.as_of) if history is None else history
        updated = start.with_events(events, self.model.confidence)
        return updated if len(updated) else None

    def candidates(
        self,
        history: History,
        *,
        purpose: Purpose,
        now: np.datetime64,
        k: int = 100,
        cart: npt.NDArray[np.int32] = NO_CART,
    ) -> Candidates:
        """Return the person's `k` best items for one purpose, each with its reason."""
        return self.candidates_for(history, [purpose], now=now, k=k, cart=cart)[purpose]

    def candidates_for(
        self,
        history: History,
        purposes: Iterable[Purpose],
        *,
        now: np.datetime64,
        k: int = 100,
        cart: npt.NDArray[np.int32] = NO_CART,
    ) -> dict[Purpose, Candidates]:
        """Return the same for several purposes, at little more than the cost of one.

        Parameters
        ----------
        history
            The person's past; whatever lies in their cart should be among it (`History.with_cart`).
        purposes
            What to rank for.
        now
            The moment the recommendation is for.
        k
            How many items at most, for each purpose.
        cart
            (c,) what lies in the basket, each item once; it matters to `Purpose.CART`.
        """
        rankings = self._rank(history, purposes, now=now, k=k, cart=cart)
        return {purpose: ranking.explain(ranking.candidates(k)) for purpose, ranking in rankings.items()}

    def rankings_for(
        self,
        history: History,
        purposes: Iterable[Purpose],
        *,
        now: np.datetime64,
        k: int = 100,
        cart: npt.NDArray[np.int32] = NO_CART,
    ) -> dict[Purpose, Ranked]:
        """Return the same items without their reasons, at half the cost: for measuring."""
        rankings = self._rank(history, purposes, now=now, k=k, cart=cart)
        return {purpose: _first(ranking.ranked, k) for purpose, ranking in rankings.items()}

    def _rank(
        self,
        history: History,
        purposes: Iterable[Purpose],
        *,
        now: np.datetime64,
        k: int,
        cart: npt.NDArray[np.int32],
    ) -> dict[Purpose, PersonalRanking]:
        described = self._describer.describe(history, now=now, cart=cart)
        evidence, again = Evidence(self.model, history, described), self._replenishable
        return {purpose: PersonalRanking.of(evidence, purpose, k=k, may_return=again) for purpose in purposes}

    def recommend(self, request: SlateRequest, *, now: np.datetime64, slate_id: str, created_at: datetime) -> Slate:
        """Climb down the placement's ladder until the shelf is full."""
        rules = self._rules(request)
        # Whoever asks for categories wants more of the same.
        capped, varied = not request.categories, request.placement in VARIED and not request.categories
        shown, own = Candidates.empty(), PersonalRungs(self._ranking_for)
        rungs = (ladder if request.promotions else without_promotions)(request.placement, own.blended)
        asked = request if request.promotions else dataclasses.replace(request, cart=(), candidates=None)
        for rung in rungs:
            made = len(own)
            offered = rung(self.model, asked, now)
            allowed = offered.select(keep_all(rules, offered.item))
            shown = shown.then(self._arrangement.vary(allowed, k=request.limit) if varied else allowed)
            own.note(shown, made)
            if self._fills(shown, request.limit, capped=capped):
                break
        order = self._arrangement.order(shown.item, capped=capped)[: request.limit]
        return self._slate(own.explained(shown, order), request, slate_id=slate_id, created_at=created_at)

    def prepared(
        self, history: History, purposes: Iterable[Purpose], *, now: np.datetime64, k: int = 100
    ) -> dict[Purpose, Arranged]:
        """Return a person's candidates in the order of the shelves that are cut from them: what publishing stores."""
        found = self.candidates_for(history, purposes, now=now, k=k)
        return {purpose: self._prepared(candidates, history) for purpose, candidates in found.items()}

    def offer(self, request: SlateRequest, *, now: np.datetime64, k: int = 100) -> Arranged:
        """Return what a placement offers to whoever asks, deep enough for long shelves; rules are left to the reader.

        For requests without a person, a filter or a cart: what they get is the same for everybody.
        """
        shown = Candidates.empty()
        barred = np.array(request.context, dtype=np.int32)
        for rung in ladder(request.placement, PersonalRungs(self._ranking_for).blended):
            offered = rung(self.model, request, now)
            shown = shown.then(offered.select(NotAmong(barred).keep(offered.item)))
            if self._fills(shown, k, capped=True):
                break
        arranged = self._prepared(shown, None, varied=request.placement in VARIED)
        front = min(arranged.front, k)
        return Arranged(arranged.candidates.select(slice(front)), front, arranged.due[:front])

    def _prepared(self, candidates: Candidates, history: History | None, *, varied: bool = True) -> Arranged:
        shown, front = self._arrangement.prepare(candidates, varied=varied)
        return Arranged(shown, front, self._due(shown, history))

    def _ranking_for(self, request: SlateRequest, purpose: Purpose, now: np.datetime64) -> PersonalRanking | None:
        """Return what the past and the cart of a request say; None if there is neither."""
        cart = np.array(request.cart, dtype=np.int32)
        history = History.empty(self.model.as_of) if request.history is None else request.history
        if not len(history) and not len(cart):
            return None
        return self._rank(history, [purpose], now=now, k=DEPTH, cart=cart)[purpose]

    def _rules(self, request: SlateRequest) -> tuple[Rule, ...]:
        in_cart = self.twins.with_twins(request.cart)
        barred: Collection[int] = {*request.context, *in_cart, *request.exclude, *request.resting}
        rules: list[Rule] = [NotAmong(np.array(list(barred), dtype=np.int32))] if barred else []
        shelf = request.shelf
        if shelf is not None and not request.include_out_of_stock:
            rules.append(Only(shelf.in_stock))
        if request.categories:
            rules.append(Among(self.model.catalogue.category, self._categories(request.categories)))
        if request.price_min is not None or request.price_max is not None:
            price = self.model.catalogue.price if shelf is None else shelf.price
            rules.append(PriceBetween(price, request.price_min, request.price_max))
        if request.history is not None:
            owned = request.history.owned
            rules.append(NotAmong(owned if request.new_only else owned[~self._replenishable[owned]]))
        return tuple(rules)

    def _categories(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        found = [self.model.catalogue.category_index(name) for name in names]
        return np.array([index for index in found if index is not None], dtype=np.int64)

    def _fills(self, shown: Candidates, limit: int, *, capped: bool) -> bool:
        """Say whether lower rungs could change nothing: the shelf is full, and as varied as the catalogue allows."""
        return self._arrangement.is_settled(shown.item, limit=limit, capped=capped)

    def _slate(self, shown: Candidates, request: SlateRequest, *, slate_id: str, created_at: datetime) -> Slate:
        ids, due = self.model.items.ids, self._due(shown, request.history).tolist()
        items = tuple(
            SlateItem(
                item_id=ids[item],
                rank=rank,
                score=score,
                source=Source(source),
                reason=Reason(
                    ReasonCode(reason),
                    None if anchor == NO_ANCHOR else ids[anchor],
                    None if day == NO_DUE else _EPOCH + timedelta(day),
                ),
            )
            for rank, ((item, score, source, reason, anchor), day) in enumerate(
                zip(shown.rows(), due, strict=True), start=1
            )
        )
        return Slate(
            slate_id=slate_id,
            user_id=request.user_id,
            placement=request.placement,
            items=items,
            source=items[0].source if items else Source.POPULAR,
            model_version=self.version,
            created_at=created_at,
        )

    def _due(self, shown: Candidates, history: History | None) -> npt.NDArray[np.int32]:
        """Return (k,) the day each item to buy again is expected to be needed, as `Arranged.due` tells it."""
        due = np.full(len(shown), NO_DUE, dtype=np.int32)
        if history is None:
            return due
        again = np.flatnonzero((shown.reason == ReasonCode.BUY_AGAIN) & history.owns(shown.item))
        if len(again):
            rows = history.item.searchsorted(shown.item[again])
            on = due_days(history.last[rows], self.model.repeat.gaps_of(history)[rows])
            away = (on - self.model.as_of.astype("datetime64[D]")).astype(np.int64)
            told = (away >= DUE_FROM) & (away < DUE_UNTIL)
            due[again[told]] = on[told].astype(np.int64)
        return due


def _first(ranked: Ranked, k: int) -> Ranked:
    return Ranked(ranked.item[:k], ranked.score[:k])
