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
}
_REASON_NUMBERS = np.array([_REASON_OF[component] for component in Component], dtype=np.uint8)
_ANCHORED = (Component.FACTORS, Component.SIMILAR, Component.TOGETHER, Component.PEERS)

Reasons = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]


def explain(
    model: Model, history: History, item: npt.NDArray[np.int32], contributions: npt.NDArray[np.float32]
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
    """
    component = contributions.argmax(axis=1)
    owned = history.owns(item)
    # An owned item is an offer to buy again, whatever else speaks for it; a new one never is.
    component[owned] = Component.HABIT
    not_habit = contributions.copy()
    not_habit[:, Component.HABIT] = -np.inf
    component[~owned] = not_habit[~owned].argmax(axis=1)
    reason = _REASON_NUMBERS[component]
    anchor = np.full(len(item), NO_ANCHOR, dtype=np.int32)
    for kind in _ANCHORED:
        rows = np.flatnonzero(component == kind)
        anchor[rows] = _anchors(model, history, item[rows], kind)
    anchored = np.isin(component, _ANCHORED)
    reason[anchored & (anchor == NO_ANCHOR)] = ReasonCode.POPULAR
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
