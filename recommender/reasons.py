"""Why an item is on the list: the component that put it there, and the purchase that component rests on.

The blend is linear, so an item's score is a sum over components; the one that lifts it most above the average
candidate gives the reason, if it is a true one. A purchase is if the item would be worth less without it: the
component's signal must fall, with it the component's share of the score, whose weights may have either sign,
and the item must lose more than the other items on the list do, by factors and neighbours together.
For factors the purchase is the one whose absence costs the score most; for neighbours, the one with the strongest
vote. An anchor that was only looked at never becomes "because you bought", no category is a favourite in which nothing
was bought, and popular is what sells best in the shop. Where a reason is not true the next component is asked, then
whether the item sells well in its category, then whether that is one the person buys in.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.blend import Component
from recommender.candidates import NO_ANCHOR, ReasonCode
from recommender.features import NO_CART
from recommender.histories import History
from recommender.influence import SIGNALS, Influence
from recommender.model import Model
from recommender.tally import among, distinct

_REASON_OF: dict[int, ReasonCode] = {
    Component.HABIT: ReasonCode.BUY_AGAIN,
    Component.FACTORS: ReasonCode.BECAUSE_YOU_BOUGHT,
    Component.SIMILAR: ReasonCode.BECAUSE_YOU_BOUGHT,
    Component.TOGETHER: ReasonCode.BOUGHT_TOGETHER,
    Component.CATEGORY: ReasonCode.FAVOURITE_CATEGORY,
    Component.POPULARITY: ReasonCode.POPULAR,
    Component.PEERS: ReasonCode.BECAUSE_YOU_BOUGHT,
    Component.CART: ReasonCode.BOUGHT_TOGETHER,
}
_OF_THE_PAST = {
    Component.FACTORS: "factors",
    Component.SIMILAR: "similar",
    Component.TOGETHER: "together",
    Component.PEERS: "peers",
}
"""Components that name an item of the past, and their signals."""
BESIDE = 40
"""With how many of the best offers an item is compared: a reason must not depend on how long a list was asked for."""

FAVOURITES = 100
"""How many items, the best sellers now or ever, may be called popular."""
FAVOURITES_OF_CATEGORY = 0.1
"""What share of a category."""

_NOTICEABLE = 1e-5
"""In points of a score: less may be rounding."""

Reasons = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]


def explain(
    model: Model,
    history: History,
    item: npt.NDArray[np.int32],
    contributions: npt.NDArray[np.float32],
    *,
    influence: Influence | None = None,
    cart: npt.NDArray[np.int32] = NO_CART,
    rows: npt.NDArray[np.integer[Any]] | None = None,
) -> Reasons:
    """Return the reason and the anchor of each of the (k,) items.

    Parameters
    ----------
    model
        What the items were scored by.
    history
        The person's past.
    item
        (k,) item indices, best first; at least `BESIDE` of them if there are so many.
    contributions
        (k, n_components) from `Blend.contributions`.
    influence
        How scores follow signals; without it, every component is taken to raise the score.
    cart
        (c,) what lies in the basket that is being filled.
    rows
        (r,) which of the items are asked about; the others are there to be compared with. All without it.
    """
    reasons = _Reasons(model, history, item, influence, cart)
    if rows is not None:
        reasons.found[:] = True
        reasons.found[rows] = False
    order = _likeliest_first(contributions, reasons.owned)
    for place in range(order.shape[1]):
        rows = np.flatnonzero(~reasons.found)
        if not len(rows):
            break
        asked = order[rows, place]
        for number in np.flatnonzero(np.bincount(asked)).tolist():
            reasons.ask(number, rows[asked == number])
    reasons.praise_in_category()
    reasons.ask(Component.CATEGORY, np.flatnonzero(~reasons.found))
    return reasons.reason, reasons.anchor


def _likeliest_first(contributions: npt.NDArray[np.float32], owned: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return (k, n_components): which component to ask first, second …; popularity once the others add nothing."""
    order = np.argsort(-contributions, axis=1, kind="stable")
    lifts = np.take_along_axis(contributions, order, axis=1) > 0
    # An owned item is an offer to buy again, unless it completes the cart; a new one never is.
    again = owned[:, None] & (order != Component.CART)
    again[:, 1:] = owned[:, None]
    order[again] = Component.HABIT
    order[~again & ~lifts] = Component.POPULARITY
    return order


class _Reasons:
    """Reasons and anchors as far as they are found; what nothing else is true of is called popular."""

    def __init__(
        self,
        model: Model,
        history: History,
        item: npt.NDArray[np.int32],
        influence: Influence | None,
        cart: npt.NDArray[np.int32],
    ) -> None:
        self._model, self._history, self._item, self._influence, self._cart = model, history, item, influence, cart
        self._known_losses: dict[str, npt.NDArray[np.float32]] = {}
        self.owned = history.owns(item)
        self.found = np.zeros(len(item), dtype=np.bool_)
        self.reason = np.full(len(item), ReasonCode.POPULAR, dtype=np.uint8)
        self.anchor = np.full(len(item), NO_ANCHOR, dtype=np.int32)

    def ask(self, component: int, rows: npt.NDArray[np.intp]) -> None:
        """Give the `rows` the reason of a component where it is true."""
        if component in SIGNALS:
            rows, anchor = self._anchored(Component(component), rows)
            self.anchor[rows] = anchor
        elif component == Component.CATEGORY:
            rows = rows[self._buys_in_category(rows)]
        elif component == Component.POPULARITY:
            rows = rows[self._sells_well(rows)]
        elif component == Component.HABIT:
            rows = rows[self.owned[rows]]
        self.found[rows] = True
        self.reason[rows] = _REASON_OF[component]
        if component in _OF_THE_PAST:
            self.reason[rows[~self._history.owns(self.anchor[rows])]] = ReasonCode.SIMILAR_TO

    def praise_in_category(self) -> None:
        """Give what has no reason yet that of selling well in its category, where it does."""
        rows = np.flatnonzero(~self.found)
        rows = rows[self._model.selling.is_high_in_category(self._item[rows], FAVOURITES_OF_CATEGORY)]
        self.found[rows] = True
        self.reason[rows] = ReasonCode.POPULAR_IN_CATEGORY

    def _sells_well(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        item, model = self._item[rows], self._model
        return model.selling.is_high(item, FAVOURITES) | model.best_selling.is_high(item, FAVOURITES)

    def _buys_in_category(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        category = self._model.catalogue.category
        return among(category[self._item[rows]], category[self._history.owned])

    def _anchored(
        self, component: Component, rows: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32]]:
        """Return those of `rows` for which the component has an item to name, and that item."""
        past = self._cart if component is Component.CART else self._history.item
        if not len(past):
            return rows[:0], past
        losses = {name: self._losses(name)[rows] for name in SIGNALS[component]}
        strength = next(iter(losses.values()))
        best, at = strength.argmax(axis=1), np.arange(len(rows))
        true = strength[at, best] > 0
        if self._influence is not None:
            true &= self._influence.falls(self._item[rows], {name: loss[at, best] for name, loss in losses.items()})
            true[true] = self._sinks(self._influence, component, rows[true], best[true])
        return rows[true], past[best[true]]

    def _sinks(
        self, influence: Influence, component: Component, rows: npt.NDArray[np.intp], chosen: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.bool_]:
        """Say whether each of `rows` falls behind the other items without its anchor, by all signals together."""
        past = self._cart if component is Component.CART else self._history.item
        asked = SIGNALS[Component.CART] if component is Component.CART else tuple(_OF_THE_PAST.values())
        names = [name for name in asked if name in influence.evidence.scales]
        is_chosen = np.bincount(chosen, minlength=len(past)) > 0
        column, which = np.flatnonzero(is_chosen), (np.cumsum(is_chosen) - 1)[chosen]
        front = np.arange(min(len(self._item), BESIDE))
        asked_rows = distinct(np.concatenate([front, rows]))
        losses = {name: self._losses(name)[asked_rows][:, column] for name in names}
        lost = influence.lost(self._item[asked_rows, None], losses).astype(np.float64)
        own = lost[np.searchsorted(asked_rows, rows), which]
        # The front is the first of `asked_rows`; an item in it is not compared with itself, nor with its anchor.
        # What nobody has bought yet follows its siblings, not the purchases here: nothing is compared with it.
        sold = self._model.popularity.total[self._item[front]] > 0
        other = (self._item[front, None] != past[column]) & sold[:, None]
        inside = (rows < len(front)) & (self._model.popularity.total[self._item[rows]] > 0)
        rest = (lost[front] * other).sum(axis=0)[which] - np.where(inside, own, 0)
        count = other.sum(axis=0)[which] - inside
        sinks: npt.NDArray[np.bool_] = own > rest / np.maximum(count, 1) + _NOTICEABLE
        return sinks

    def _losses(self, signal: str) -> npt.NDArray[np.float32]:
        """Return (k, m) what a signal loses of each item without each item of the past or of the cart."""
        if signal not in self._known_losses:
            self._known_losses[signal] = self._find_losses(signal)
        return self._known_losses[signal]

    def _find_losses(self, signal: str) -> npt.NDArray[np.float32]:
        model, history, target = self._model, self._history, self._item
        match signal:
            case "factors":
                loss = model.factors.item[target] @ self._leaving_out
                # What was looked at is no reason for itself.
                loss[target[:, None] == history.item] = 0
                return loss
            case "similar":
                return model.similar.links(history.item, target)
            case "peers":
                return model.peers.links(history, target)
            case "together":
                links = model.together.links(history.item, target)
                return links if self._influence is None else links * self._influence.evidence.votes
        return (model.together if signal == "cart_together" else model.similar).links(self._cart, target)

    @functools.cached_property
    def _leaving_out(self) -> npt.NDArray[np.float32]:
        if self._influence is not None:
            return self._influence.evidence.leaving_out
        return self._model.factors.leaving_out(self._history.item, self._history.confidence)
