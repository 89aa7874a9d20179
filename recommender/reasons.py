"""Why an item is on the list: the component that put it there, and the purchase that component rests on.

The blend is linear, so an item's score is a sum over components; the one that lifts it most above the average
candidate gives the reason. For factors the anchor is the purchase with the largest share of the score (Hu, Koren &
Volinsky 2008, section 5), and so it is for people with a similar past; for neighbours, the purchase with the strongest
link. An anchor that was only looked at never becomes "because you bought".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.blend import Component
from recommender.candidates import NO_ANCHOR, ReasonCode
from recommender.features import NO_CART
from recommender.histories import History
from recommender.model import Model

_REASON_OF = {
    Component.HABIT: ReasonCode.BUY_AGAIN,
    Component.FACTORS: ReasonCode.BECAUSE_YOU_BOUGHT,
    Component.SIMILAR: ReasonCode.BECAUSE_YOU_BOUGHT,
    Component.TOGETHER: ReasonCode.BOUGHT_TOGETHER,
    Component.CATEGORY: ReasonCode.FAVOURITE_CATEGORY,
    Component.POPULARITY: ReasonCode.POPULAR,
    Component.PEERS: ReasonCode.BECAUSE_YOU_BOUGHT,
    Component.CART: ReasonCode.BOUGHT_TOGETHER,
}
_REASON_NUMBERS = np.array([_REASON_OF[component] for component in Component], dtype=np.uint8)
_ANCHORED = (Component.FACTORS, Component.SIMILAR, Component.TOGETHER, Component.PEERS)

Reasons = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]


def explain(
    model: Model,
    history: History,
    item: npt.NDArray[np.int32],
    contributions: npt.NDArray[np.float32],
    *,
    cart: npt.NDArray[np.int32] = NO_CART,
) -> Reasons:
    """Return the reason and the anchor of each of the (k,) items.

    Parameters
    ----------
    model
        What the items were scored by.
    history
        The person's past.
    item
        (k,) item indices.
    contributions
        (k, n_components) from `Blend.contributions`.
    cart
        (c,) what lies in the basket that is being filled.
    """
    component = contributions.argmax(axis=1)
    owned = history.owns(item)
    # An owned item is an offer to buy again, unless it completes the cart; a new one never is.
    component[owned & (component != Component.CART)] = Component.HABIT
    not_habit = contributions.copy()
    not_habit[:, Component.HABIT] = -np.inf
    component[~owned] = not_habit[~owned].argmax(axis=1)
    reason = _REASON_NUMBERS[component]
    anchor = np.full(len(item), NO_ANCHOR, dtype=np.int32)
    for kind in _ANCHORED:
        rows = np.flatnonzero(component == kind)
        anchor[rows] = _anchors(model, history, item[rows], kind)
    completing = np.flatnonzero(component == Component.CART)
    anchor[completing] = _in_cart(model, cart, item[completing])
    anchored = np.isin(component, (*_ANCHORED, Component.CART))
    reason[anchored & (anchor == NO_ANCHOR)] = ReasonCode.POPULAR
    anchored[completing] = False
    reason[anchored & ~history.owns(anchor) & (anchor != NO_ANCHOR)] = ReasonCode.SIMILAR_TO
    return reason, anchor


def _anchors(model: Model, history: History, target: npt.NDArray[np.int32], kind: Component) -> npt.NDArray[np.int32]:
    """Return (t,) the item of the past that says most for each target, or `NO_ANCHOR`."""
    if not len(target) or not len(history):
        return np.full(len(target), NO_ANCHOR, dtype=np.int32)
    if kind is Component.FACTORS:
        strength = model.factors.contributions(history.item, history.confidence, target)
        # What was looked at is no reason for itself.
        strength[target[:, None] == history.item] = 0
    elif kind is Component.PEERS:
        strength = model.peers.links(history, target)
    else:
        neighbours = model.similar if kind is Component.SIMILAR else model.together
        strength = neighbours.links(history.item, target)
    best = strength.argmax(axis=1)
    known = strength[np.arange(len(target)), best] > 0
    return np.where(known, history.item[best], NO_ANCHOR).astype(np.int32)


def _in_cart(model: Model, cart: npt.NDArray[np.int32], target: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return (t,) the item in the cart that goes best with each target, or `NO_ANCHOR`."""
    if not len(target) or not len(cart):
        return np.full(len(target), NO_ANCHOR, dtype=np.int32)
    together, similar = model.together.links(cart, target), model.similar.links(cart, target)
    strength = np.where(together.any(axis=1, keepdims=True), together, similar)
    best = strength.argmax(axis=1)
    return np.where(strength[np.arange(len(target)), best] > 0, cart[best], NO_ANCHOR).astype(np.int32)
