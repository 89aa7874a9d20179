"""From a model and a question to a slate.

The engine is a pure function of the model, the request and the time: no clock, no store, no randomness. The
publisher asks it for every user's candidates, the API asks it when stored candidates are missing or out of date, and
campaigns ask it for the same picks; that is why all three agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from recommender.arrangement import NO_DUE, Arranged, Arrangement
from recommender.candidates import NO_ANCHOR, Candidates, ReasonCode, Source
from recommender.diversity import Variety
from recommender.features import NO_CART, Described, Describer, offered
from recommender.histories import FreshEvent, History
from recommender.influence import Evidence, Influence
from recommender.ladder import DEPTH, PURE, VARIED, Blended, ladder
from recommender.loyalty.due import DUE_FROM, DUE_UNTIL, due_days
from recommender.model import Model
from recommender.purpose import Purpose
from recommender.ranking import Ranked, top_k
from recommender.reasons import BESIDE, explain
from recommender.request import SlateRequest
from recommender.rules import Mask, NotAmong, Only, PriceBetween, Rule, keep_all
from recommender.slate import Reason, Slate, SlateItem

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
        self._describer = Describer(model)
        self._replenishable = model.repeat.rate >= REPLENISHABLE_RATE
        self._blended = Blended(personal=self._personal, buy_again=self._buy_again, completing=self._completing)

    def history(self, user_id: str) -> History | None:
        """Return what the model knows of a user, or None if it never heard of them."""
        index = self.model.users.get(user_id)
        return None if index is None else self.model.histories.of(index)

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
        described = self._describer.describe(history, now=now, cart=cart)
        item, features = described.item, described.features
        evidence = Evidence(self.model, history, described)
        found = {}
        for purpose in purposes:
            best = self._best(described, history, purpose, k=max(k, BESIDE))
            contributions = self.model.blend.contributions(features, purpose, best.item)
            influence = Influence(evidence, self.model.blend.weights(purpose))
            reason, anchor = explain(
                self.model, history, item[best.item], contributions, influence=influence, cart=cart
            )
            source = _source(purpose, history)
            ranked = Candidates.of(item[best.item], best.score, source=source, reason=reason, anchor=anchor)
            found[purpose] = ranked.select(slice(k))
        return found

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
        described = self._describer.describe(history, now=now, cart=cart)
        best = {purpose: self._best(described, history, purpose, k=k) for purpose in purposes}
        return {purpose: Ranked(described.item[found.item], found.score) for purpose, found in best.items()}

    def _best(self, described: Described, history: History, purpose: Purpose, *, k: int) -> Ranked:
        """Return the positions among the candidates of the `k` best."""
        item = described.item
        may_return = ~history.owns(item) | self._replenishable[item]
        keep = may_return & offered(purpose, history, item, cart=described.signals.cart)
        return top_k(self.model.blend.score(described.features, purpose), k, keep=keep)

    def recommend(self, request: SlateRequest, *, now: np.datetime64, slate_id: str, created_at: datetime) -> Slate:
        """Climb down the placement's ladder until the shelf is full."""
        rules = self._rules(request)
        # Whoever asks for categories wants more of the same.
        capped, varied = not request.categories, request.placement in VARIED and not request.categories
        shown = Candidates.empty()
        for rung in ladder(request.placement, self._blended):
            offered = rung(self.model, request, now)
            allowed = offered.select(keep_all(rules, offered.item))
            shown = shown.then(self._arrangement.vary(allowed, k=request.limit) if varied else allowed)
            if self._fills(shown, request.limit, capped=capped) or (request.placement in PURE and len(shown)):
                break
        order = self._arrangement.order(shown.item, capped=capped)
        return self._slate(shown.select(order[: request.limit]), request, slate_id=slate_id, created_at=created_at)

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
        for rung in ladder(request.placement, self._blended):
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

    def _personal(self, _: Model, request: SlateRequest, now: np.datetime64) -> Candidates:
        """The person's stored candidates, or what their past says now."""
        if request.candidates is not None:
            return request.candidates
        return self._ranked(request, Purpose.NEW if request.new_only else Purpose.ALL, now)

    def _buy_again(self, _: Model, request: SlateRequest, now: np.datetime64) -> Candidates:
        """What the person owns, most needed first."""
        return self._ranked(request, Purpose.AGAIN, now)

    def _completing(self, _: Model, request: SlateRequest, now: np.datetime64) -> Candidates:
        """What goes with the items in the cart, for this person or for a stranger."""
        return self._ranked(request, Purpose.CART, now) if request.cart else Candidates.empty()

    def _ranked(self, request: SlateRequest, purpose: Purpose, now: np.datetime64) -> Candidates:
        cart = np.array(request.cart, dtype=np.int32)
        history = History.empty(self.model.as_of) if request.history is None else request.history
        if not len(history) and not len(cart):
            return Candidates.empty()
        return self.candidates(history, purpose=purpose, now=now, k=DEPTH, cart=cart)

    def _rules(self, request: SlateRequest) -> tuple[Rule, ...]:
        barred: Collection[int] = {*request.context, *request.cart, *request.exclude, *request.resting}
        rules: list[Rule] = [NotAmong(np.array(list(barred), dtype=np.int32))] if barred else []
        shelf = request.shelf
        if shelf is not None and not request.include_out_of_stock:
            rules.append(Only(shelf.in_stock))
        if request.categories:
            rules.append(Only(self._in_categories(request.categories)))
        if request.price_min is not None or request.price_max is not None:
            price = self.model.catalogue.price if shelf is None else shelf.price
            rules.append(PriceBetween(price, request.price_min, request.price_max))
        if request.history is not None:
            owned = request.history.owned
            rules.append(NotAmong(owned if request.new_only else owned[~self._replenishable[owned]]))
        return tuple(rules)

    def _in_categories(self, names: Sequence[str]) -> Mask:
        wanted = [self.model.catalogue.category_index(name) for name in names]
        return np.isin(self.model.catalogue.category, [index for index in wanted if index is not None])

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


def _source(purpose: Purpose, history: History) -> Source:
    """Name the rung a ranking stands on."""
    if purpose is Purpose.AGAIN:
        return Source.BUY_AGAIN
    if purpose is Purpose.CART and not len(history.owned):
        return Source.BOUGHT_TOGETHER
    return Source.FOLDED_IN if history.user_index is None else Source.PERSONAL
