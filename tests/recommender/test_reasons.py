"""Reasons: an explanation names what really lifted the item, and a purchase it really rests on."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender import reasons
from recommender.blend import Component
from recommender.candidates import NO_ANCHOR, ReasonCode
from recommender.events import Event
from recommender.histories import FreshEvent, History
from recommender.model import Model
from recommender.reasons import explain
from tests import models

N_ITEMS = 120
UNANCHORED = (ReasonCode.POPULAR, ReasonCode.POPULAR_IN_CATEGORY, ReasonCode.FAVOURITE_CATEGORY)


def by_component(component: Component, n: int) -> npt.NDArray[np.float32]:
    """Contributions in which one component speaks for every item."""
    contributions = np.zeros((n, len(Component)), dtype=np.float32)
    contributions[:, component] = 1
    return contributions


def new_items(history: History) -> npt.NDArray[np.int32]:
    """Every item the person does not own."""
    everything = np.arange(N_ITEMS, dtype=np.int32)
    return everything[~history.owns(everything)]


def looked_at(model: Model, *items: int) -> History:
    """Somebody who only looked."""
    events = [FreshEvent(item, Event.CLICK, 1.0, model.as_of) for item in items]
    return History.empty(model.as_of).with_events(events, model.confidence)


@given(st.integers(0, 199), st.sampled_from(Component), st.integers(0, 2**32))
def test_owned_is_buy_again_and_new_never_is(user: int, component: Component, seed: int) -> None:
    """Whatever speaks for it most."""
    model = models.shop_model()
    history, item = model.histories.of(user), np.arange(N_ITEMS, dtype=np.int32)
    noise = 0.1 * np.random.default_rng(seed).uniform(size=(N_ITEMS, len(Component))).astype(np.float32)
    reason, anchor = explain(model, history, item, by_component(component, N_ITEMS) + noise)
    owned = history.owns(item)
    assert (reason[~owned] != ReasonCode.BUY_AGAIN).all()
    assert (anchor[owned] == NO_ANCHOR).all()
    if component is not Component.CART:
        assert (reason[owned] == ReasonCode.BUY_AGAIN).all()


@given(st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=4, unique=True))
def test_what_completes_a_cart_names_an_item_in_it(held: list[int]) -> None:
    """Of the items in the cart, the one with the strongest link; without any link the item is merely popular."""
    model, cart = models.shop_model(), np.array(held, dtype=np.int32)
    item = np.setdiff1d(np.arange(N_ITEMS, dtype=np.int32), cart)
    stranger = History.empty(model.as_of)
    reason, anchor = explain(model, stranger, item, by_component(Component.CART, len(item)), cart=cart)
    linked = anchor != NO_ANCHOR
    assert np.isin(anchor[linked], cart).all()
    assert (reason == np.where(linked, ReasonCode.BOUGHT_TOGETHER, ReasonCode.POPULAR)).all()
    links = model.together.links(cart, item)
    together = links.any(axis=1)
    assert together.any()
    assert (anchor[together] == cart[links[together].argmax(axis=1)]).all()


@given(st.integers(0, 199), st.sampled_from(Component))
def test_anchors_come_from_the_past(user: int, component: Component) -> None:
    """An anchor is an item of the history, or there is none."""
    model = models.shop_model()
    history = model.histories.of(user)
    item = new_items(history)
    reason, anchor = explain(model, history, item, by_component(component, len(item)))
    assert np.isin(anchor[anchor != NO_ANCHOR], history.item).all()
    anchored = np.isin(reason, [ReasonCode.BECAUSE_YOU_BOUGHT, ReasonCode.BOUGHT_TOGETHER, ReasonCode.SIMILAR_TO])
    assert (anchored == (anchor != NO_ANCHOR)).all()


@pytest.mark.parametrize(
    ("component", "code"),
    [
        (Component.SIMILAR, ReasonCode.BECAUSE_YOU_BOUGHT),
        (Component.TOGETHER, ReasonCode.BOUGHT_TOGETHER),
    ],
)
def test_neighbours_name_the_strongest_link(component: Component, code: ReasonCode) -> None:
    """The anchor is the past item with the largest weight towards the target; without any, none is named."""
    model = models.shop_model()
    history = model.histories.of(11)
    item = new_items(history)
    neighbours = model.similar if component is Component.SIMILAR else model.together
    weights = neighbours.as_matrix().toarray()[history.item][:, item]
    reason, anchor = explain(model, history, item, by_component(component, len(item)))
    linked = weights.max(axis=0) > 0
    assert linked.any()
    np.testing.assert_array_equal(anchor[linked], history.item[weights.argmax(axis=0)][linked])
    assert (reason[linked] == code).all()
    assert np.isin(reason[~linked], UNANCHORED).all()


@given(st.integers(0, 199))
def test_peers_name_the_purchase_that_is_shared(user: int) -> None:
    """The anchor is the purchase that most of the votes for the item rest on; where nobody votes there is none."""
    model = models.shop_model()
    history = model.histories.of(user)
    item = new_items(history)
    links = model.peers.links(history, item)
    reason, anchor = explain(model, history, item, by_component(Component.PEERS, len(item)))
    voted = links.max(axis=1) > 0
    assert voted.any()
    np.testing.assert_array_equal(anchor[voted], history.item[links.argmax(axis=1)][voted])
    assert (reason[voted] == ReasonCode.BECAUSE_YOU_BOUGHT).all()
    assert np.isin(reason[~voted], UNANCHORED).all()


@pytest.mark.parametrize("user", range(0, 200, 40))
def test_only_what_sells_best_is_called_popular(user: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not names the next signal that lifts it, else its place in its category, else that it is known."""
    monkeypatch.setattr(reasons, "FAVOURITES", 12)
    model = models.shop_model()
    history = model.histories.of(user)
    item = new_items(history)
    lifts = 2 * by_component(Component.POPULARITY, len(item)) + by_component(Component.SIMILAR, len(item))
    reason, anchor = explain(model, history, item, lifts)
    favourites = {*model.selling.order[:12].tolist(), *model.best_selling.order[:12].tolist()}
    category, known = model.catalogue.category, set(model.catalogue.category[history.item].tolist())
    linked = item[model.similar.links(history.item, item).any(axis=1)].tolist()
    for one, code in zip(item.tolist(), reason.tolist(), strict=True):
        aisle = np.flatnonzero(category == category[one])
        place = int((model.selling.score[aisle] > model.selling.score[one]).sum())
        if one in favourites:
            assert code == ReasonCode.POPULAR
        elif one in linked:
            assert code == ReasonCode.BECAUSE_YOU_BOUGHT
        elif place < np.ceil(reasons.FAVOURITES_OF_CATEGORY * len(aisle)):
            assert code == ReasonCode.POPULAR_IN_CATEGORY
        else:
            assert code == (ReasonCode.FAVOURITE_CATEGORY if category[one] in known else ReasonCode.POPULAR)
    assert len(set(reason.tolist())) > 2
    assert ((anchor != NO_ANCHOR) == (reason == ReasonCode.BECAUSE_YOU_BOUGHT)).all()


@pytest.mark.parametrize("component", [Component.FACTORS, Component.SIMILAR])
def test_looking_is_not_buying(component: Component) -> None:
    """An item only looked at gives "similar to", never "because you bought"."""
    model = models.shop_model()
    history = looked_at(model, 4, 8)
    item = new_items(history)
    reason, anchor = explain(model, history, item, by_component(component, len(item)))
    assert set(reason[anchor != NO_ANCHOR].tolist()) == {ReasonCode.SIMILAR_TO}


def test_no_item_is_a_reason_for_itself() -> None:
    """What was looked at may be recommended, but not because it was looked at."""
    model = models.shop_model()
    history = looked_at(model, 4, 8)
    item = np.array([4, 8], dtype=np.int32)
    _, anchor = explain(model, history, item, by_component(Component.FACTORS, 2))
    assert (anchor != item).all()
    alone = looked_at(model, 4)
    reason, anchor = explain(model, alone, item[:1], by_component(Component.FACTORS, 1))
    assert anchor.tolist() == [NO_ANCHOR]
    assert reason.tolist() == [ReasonCode.POPULAR]


def test_nothing_to_explain_is_explained() -> None:
    """No item, no reason; and a stranger's items rest on nothing."""
    model = models.shop_model()
    none = np.empty(0, dtype=np.int32)
    reason, anchor = explain(model, model.histories.of(0), none, by_component(Component.FACTORS, 0))
    assert len(reason) == len(anchor) == 0
    stranger = dataclasses.replace(History.empty(model.as_of))
    _, anchor = explain(model, stranger, np.arange(3, dtype=np.int32), by_component(Component.TOGETHER, 3))
    assert anchor.tolist() == [NO_ANCHOR] * 3
