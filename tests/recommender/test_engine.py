"""The engine: whatever is asked, the shelf is as full as the rules allow and holds nothing they forbid."""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.candidates import Candidates, ReasonCode, Source
from recommender.diversity import DEFAULT_CATEGORY_CAP
from recommender.engine import REPLENISHABLE_RATE, Engine
from recommender.events import Event
from recommender.histories import FreshEvent, History
from recommender.ladder import DEPTH, PURE
from recommender.model import Model
from recommender.purpose import Purpose
from recommender.request import SlateRequest
from recommender.rules import Shelf
from recommender.slate import Placement, Slate
from tests import models, planted

CREATED = datetime(2024, 12, 31, tzinfo=UTC)
N_USERS, N_ITEMS = 200, 120

MODELS: dict[str, Callable[[], Model]] = {
    "shop": models.shop_model,
    "hostile": models.hostile_model,
    **{name: partial(models.tiny_model, name) for name in planted.TINY},
}


def recommend(model: Model, request: SlateRequest, *, category_cap: int | None = DEFAULT_CATEGORY_CAP) -> Slate:
    """Ask an engine, just after the end of the log."""
    engine = models.engine_of(model, category_cap=category_cap)
    return engine.recommend(request, now=model.as_of, slate_id="slate", created_at=CREATED)


def shown(model: Model, slate: Slate) -> list[int]:
    """The item indices of a slate."""
    return [model.items.index(item.item_id) for item in slate.items]


def clicked(model: Model, *items: int) -> History | None:
    """A guest who looked at these items."""
    events = [FreshEvent(item, Event.CLICK, 1.0, model.as_of) for item in items]
    return models.engine_of(model).with_events(None, events)


@st.composite
def requests(draw: st.DrawFn, model: Model) -> SlateRequest:
    """Draw any question a shop could ask of `model`."""
    n_users, n_items = len(model.users), len(model.items)
    some_items = st.lists(st.integers(0, n_items - 1), max_size=4, unique=True).map(tuple)
    pasts = st.one_of(
        st.none(),
        *([st.integers(0, n_users - 1).map(model.histories.of)] if n_users else []),
        some_items.map(lambda items: clicked(model, *items)),
    )
    price = st.none() | st.floats(0, 25)
    low, high = draw(price), draw(price)
    if low is not None and high is not None:
        low, high = sorted([low, high])
    in_stock = np.random.default_rng(draw(st.integers(0, 99))).random(n_items) < draw(st.sampled_from([0.02, 0.5, 1.0]))
    return SlateRequest(
        placement=draw(st.sampled_from(Placement)),
        limit=draw(st.sampled_from([1, 3, 10, 100])),
        history=draw(pasts),
        context=draw(some_items),
        cart=draw(some_items),
        exclude=frozenset(draw(some_items)),
        resting=frozenset(draw(some_items)),
        categories=draw(st.sampled_from([(), (), (model.catalogue.categories[0], "no such"), ("no such",)])),
        price_min=low,
        price_max=high,
        new_only=draw(st.booleans()),
        include_out_of_stock=draw(st.booleans()),
        shelf=draw(st.sampled_from([None, Shelf(in_stock, model.catalogue.price)])),
    )


def allowed(model: Model, request: SlateRequest) -> set[int]:
    """Every item that may be shown, one rule after the other."""
    found = set(range(len(model.items))) - {*request.context, *request.cart, *request.exclude, *request.resting}
    if request.shelf is not None and not request.include_out_of_stock:
        found &= set(np.flatnonzero(request.shelf.in_stock).tolist())
    if request.categories:
        names = [model.catalogue.categories[category] for category in model.catalogue.category.tolist()]
        found &= {item for item, name in enumerate(names) if name in request.categories}
    if request.price_min is not None:
        found &= {item for item in found if model.catalogue.price[item] >= request.price_min}
    if request.price_max is not None:
        found &= {item for item in found if model.catalogue.price[item] <= request.price_max}
    owned = set() if request.history is None else set(request.history.owned.tolist())
    if request.history is not None:
        again = {item for item in owned if model.repeat.rate[item] >= REPLENISHABLE_RATE}
        found -= owned if request.new_only else owned - again
    if request.placement is Placement.REORDER:
        found &= owned
    return found


@pytest.mark.parametrize("name", MODELS)
@given(data=st.data())
def test_shelf_is_as_full_as_the_rules_allow(name: str, data: st.DataObject) -> None:
    """Of any model and question: nothing forbidden, nothing twice, no gap, no padding, never fewer than possible."""
    model = MODELS[name]()
    request = data.draw(requests(model))
    slate = recommend(model, request)
    items, may = shown(model, slate), allowed(model, request)
    assert set(items) <= may
    assert len(items) == len(set(items)) == min(request.limit, len(may))
    assert [item.rank for item in slate.items] == list(range(1, len(items) + 1))
    assert all(np.isfinite(item.score) for item in slate.items)
    assert slate.source == (slate.items[0].source if items else Source.POPULAR)
    assert slate.placement == request.placement


@given(data=st.data())
def test_reasons_are_true(data: st.DataObject) -> None:
    """What is said to have been bought was bought, what has a day is due, and no item is a reason for itself."""
    model = models.shop_model()
    request = data.draw(requests(model))
    past = set() if request.history is None else set(request.history.item.tolist())
    owned = set() if request.history is None else set(request.history.owned.tolist())
    for item in recommend(model, request).items:
        anchor = None if item.reason.item_id is None else model.items.index(item.reason.item_id)
        assert item.reason.item_id != item.item_id
        assert item.reason.due_on is None or item.reason.code is ReasonCode.BUY_AGAIN
        match item.reason.code:
            case ReasonCode.BUY_AGAIN:
                assert model.items.index(item.item_id) in owned
                assert anchor is None
            case ReasonCode.BECAUSE_YOU_BOUGHT:
                assert anchor in owned
            case ReasonCode.BOUGHT_TOGETHER | ReasonCode.SIMILAR_TO:
                assert anchor in past | {*request.cart, *request.context}
            case _:
                assert anchor is None


@given(data=st.data())
def test_the_same_question_has_the_same_answer(data: st.DataObject) -> None:
    """A slate is a function of model, question and time; another engine over the same model agrees."""
    model = models.shop_model()
    request = data.draw(requests(model))
    assert recommend(model, request) == recommend(model, request)


class ThoroughEngine(Engine):
    """Climbs down every rung, whatever it has found."""

    def _fills(self, shown: Candidates, limit: int, *, capped: bool) -> bool:
        return False


@given(data=st.data(), cap=st.sampled_from([None, 1, 4]))
def test_stopping_early_changes_nothing(data: st.DataObject, cap: int | None) -> None:
    """The rungs that are not climbed could not have changed the slate."""
    model = models.tiny_model("one day") if data.draw(st.booleans()) else models.shop_model()
    request = data.draw(requests(model))
    variety = dataclasses.replace(model.variety, category_cap=cap)
    thorough = ThoroughEngine(model, version="20240101-0123456789ab", variety=variety)
    expected = thorough.recommend(request, now=model.as_of, slate_id="slate", created_at=CREATED)
    assert recommend(model, request, category_cap=cap) == expected


@given(user=st.integers(0, N_USERS - 1), new_only=st.booleans(), limit=st.sampled_from([1, 10, 40]))
@pytest.mark.parametrize("placement", [Placement.HOME, Placement.EMAIL])
def test_stored_candidates_give_the_computed_slate(placement: Placement, user: int, new_only: bool, limit: int) -> None:
    """Redis or no Redis, the customer sees the same shelf: what is stored is what would be computed."""
    model = models.shop_model()
    engine, history = models.engine_of(model), model.histories.of(user)
    purpose = Purpose.NEW if new_only else Purpose.ALL
    stored = engine.candidates(history, purpose=purpose, now=model.as_of, k=100)
    request = SlateRequest(placement=placement, limit=limit, history=history, new_only=new_only)
    assert recommend(model, dataclasses.replace(request, candidates=stored)) == recommend(model, request)


@pytest.mark.parametrize("purpose", Purpose)
def test_fewer_candidates_are_the_first_of_more(purpose: Purpose) -> None:
    """Storing a hundred or four hundred is a matter of space only."""
    model = models.shop_model()
    engine, history = models.engine_of(model), model.histories.of(7)
    few, many = (engine.candidates(history, purpose=purpose, now=model.as_of, k=k) for k in (5, DEPTH))
    assert list(few.rows()) == list(many.rows())[:5]


def test_purposes_together_equal_purposes_apart() -> None:
    """Computing both at once is a matter of speed only."""
    model = models.shop_model()
    engine, history = models.engine_of(model), model.histories.of(7)
    both = engine.candidates_for(history, Purpose, now=model.as_of)
    for purpose in Purpose:
        alone = engine.candidates(history, purpose=purpose, now=model.as_of)
        assert list(alone.rows()) == list(both[purpose].rows())


@pytest.mark.parametrize("k", [1, 10, 100])
def test_rankings_are_the_candidates_without_their_reasons(k: int) -> None:
    """What is measured is what is offered."""
    model = models.shop_model()
    engine, cart = models.engine_of(model), np.array([3, 5], dtype=np.int32)
    history = model.histories.of(7).with_cart(cart, model.confidence, now=model.as_of)
    ranked = engine.rankings_for(history, Purpose, now=model.as_of, k=k, cart=cart)
    for purpose, found in engine.candidates_for(history, Purpose, now=model.as_of, k=k, cart=cart).items():
        assert ranked[purpose].item.tolist() == found.item.tolist()
        assert ranked[purpose].score.tolist() == found.score.tolist()


@given(user=st.integers(0, N_USERS - 1))
def test_new_means_new(user: int) -> None:
    """No candidate for discovery is owned, and every one for anything that is owned can be bought again."""
    model = models.shop_model()
    found = models.engine_of(model).candidates_for(model.histories.of(user), Purpose, now=model.as_of, k=N_ITEMS)
    history = model.histories.of(user)
    assert not history.owns(found[Purpose.NEW].item).any()
    again = found[Purpose.ALL].item[history.owns(found[Purpose.ALL].item)]
    assert (model.repeat.rate[again] >= REPLENISHABLE_RATE).all()


@given(user=st.integers(0, N_USERS - 1))
def test_again_is_what_returns(user: int) -> None:
    """The reorder ranking holds every replenishable item the person owns, nothing else, and says since when."""
    model = models.shop_model()
    history = model.histories.of(user)
    found = models.engine_of(model).candidates(history, purpose=Purpose.AGAIN, now=model.as_of, k=N_ITEMS)
    owned = history.owned
    assert sorted(found.item.tolist()) == owned[model.repeat.rate[owned] >= REPLENISHABLE_RATE].tolist()
    assert set(found.source.tolist()) <= {Source.BUY_AGAIN}


@given(st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=4, unique=True), st.integers(-1, N_USERS - 1))
def test_cart_shelf_never_shows_what_is_in_the_cart(held: list[int], user: int) -> None:
    """Neither to a known user nor to a stranger, whom the cart alone has to tell something."""
    model = models.shop_model()
    past = History.empty(model.as_of) if user < 0 else model.histories.of(user)
    cart = np.array(held, dtype=np.int32)
    history = past.with_cart(cart, model.confidence, now=model.as_of)
    found = models.engine_of(model).candidates(history, purpose=Purpose.CART, now=model.as_of, cart=cart)
    assert len(found)
    assert not np.isin(found.item, cart).any()
    assert (set(found.source.tolist()) == {Source.BOUGHT_TOGETHER}) == (user < 0)
    slate = recommend(model, SlateRequest(placement=Placement.CART, history=history, cart=tuple(held)))
    assert not set(shown(model, slate)) & set(held)
    assert slate.source in {Source.BOUGHT_TOGETHER, Source.PERSONAL}


def test_cart_moves_the_shelf_towards_its_aisle() -> None:
    """The same person with tea in the cart and with soap in the cart is offered different things."""
    shop, model = planted.shop(), models.shop_model()
    engine, history = models.engine_of(model), model.histories.of(7)
    shares = []
    for aisle in range(4):
        cart = np.flatnonzero(shop.aisle == aisle)[:3].astype(np.int32)
        filling = history.with_cart(cart, model.confidence, now=model.as_of)
        found = engine.candidates(filling, purpose=Purpose.CART, now=model.as_of, k=10, cart=cart)
        plain = engine.candidates(history, purpose=Purpose.ALL, now=model.as_of, k=10)
        shares.append(np.mean(shop.aisle[found.item] == aisle) - np.mean(shop.aisle[plain.item] == aisle))
    assert np.mean(shares) > 0.2


def test_staples_lead_and_tastes_follow() -> None:
    """Planted: people buy their staples again, and discover in their own aisle, far more often than by chance."""
    shop, model = planted.shop(), models.shop_model()
    engine = models.engine_of(model)
    found = [engine.candidates_for(model.histories.of(user), Purpose, now=model.as_of, k=4) for user in range(N_USERS)]
    staples = [np.isin(found[user][Purpose.ALL].item, shop.staples[user]).mean() for user in range(N_USERS)]
    tastes = [(shop.aisle[found[user][Purpose.NEW].item] == shop.taste[user]).mean() for user in range(N_USERS)]
    assert np.mean(staples) > 0.7
    assert np.mean(tastes) > 0.8


@pytest.mark.parametrize("placement", sorted(set(Placement) - PURE))
def test_stranger_gets_a_full_shelf(placement: Placement) -> None:
    """Nothing is known of them, and nothing personal is claimed."""
    slate = recommend(models.shop_model(), SlateRequest(placement=placement, user_id="who?"))
    assert len(slate.items) == 10
    assert slate.user_id == "who?"
    assert slate.source in {Source.POPULAR, Source.TRENDING}


def test_guest_with_one_click_is_folded_in() -> None:
    """One look is enough for a shelf of the same aisle, and is never called a purchase."""
    shop, model = planted.shop(), models.shop_model()
    item = 17
    slate = recommend(model, SlateRequest(history=clicked(model, item)), category_cap=None)
    assert slate.source is Source.FOLDED_IN
    assert np.mean(shop.aisle[shown(model, slate)] == shop.aisle[item]) > 0.8
    assert {entry.reason.code for entry in slate.items}.isdisjoint(
        {ReasonCode.BECAUSE_YOU_BOUGHT, ReasonCode.BUY_AGAIN}
    )


def test_a_fresh_purchase_changes_the_shelf_at_once() -> None:
    """Somebody who buys in another aisle sees more of it, and stays a known user."""
    shop, model = planted.shop(), models.shop_model()
    engine, user = models.engine_of(model), 0
    foreign = np.flatnonzero(shop.aisle == 1)[:6]
    events = [FreshEvent(int(item), Event.PURCHASE, 2.0, model.as_of) for item in foreign]
    updated = engine.with_events(model.histories.of(user), events)
    assert updated is not None

    def foreign_share(history: History) -> float:
        found = engine.candidates(history, purpose=Purpose.NEW, now=model.as_of, k=10)
        assert set(found.source.tolist()) == {Source.PERSONAL}
        return float(np.mean(shop.aisle[found.item] == 1))

    assert foreign_share(updated) > foreign_share(model.histories.of(user))


def test_history_is_found_by_id() -> None:
    """Known users have a past, unknown ones none; hostile ids are ids like others."""
    model = models.hostile_model()
    engine = models.engine_of(model)
    for user_id in planted.HOSTILE_IDS:
        history = engine.history(user_id)
        assert history is not None
        assert history.user_index == model.users.index(user_id)
    assert engine.history("unheard of") is None


def test_events_that_say_nothing_leave_a_stranger_a_stranger() -> None:
    """An impression is no interest."""
    model = models.shop_model()
    seen = FreshEvent(3, Event.IMPRESSION, 1.0, model.as_of)
    assert models.engine_of(model).with_events(None, [seen]) is None
    assert models.engine_of(model).with_events(None, []) is None


def test_limit_beyond_the_catalogue_is_not_padded() -> None:
    """A hundred of four items are four."""
    model = models.tiny_model("one day")
    assert len(recommend(model, SlateRequest(limit=100)).items) == len(model.items) == 4


def test_unknown_category_is_an_empty_shelf() -> None:
    """A filter that nothing passes is answered truthfully, without a source that is not there."""
    slate = recommend(models.shop_model(), SlateRequest(categories=("submarines",)))
    assert slate.items == ()
    assert slate.source is Source.POPULAR


def test_known_category_fills_the_shelf() -> None:
    """A filter switches the cap off: it is what the caller asked for."""
    model = models.shop_model()
    slate = recommend(model, SlateRequest(categories=("aisle 2",), history=model.histories.of(1)))
    assert len(slate.items) == 10
    assert {model.catalogue.category[item] for item in shown(model, slate)} == {2}


def test_cap_spreads_the_shelf() -> None:
    """At most four of an aisle on a shelf of ten, although the person's taste is one aisle; the best stays first."""
    model = models.shop_model()
    request = SlateRequest(history=model.histories.of(1))
    capped, free = recommend(model, request), recommend(model, request, category_cap=None)
    assert np.bincount(model.catalogue.category[shown(model, capped)]).max() <= DEFAULT_CATEGORY_CAP
    assert shown(model, capped)[0] == shown(model, free)[0]


def test_cart_shows_what_completes_it() -> None:
    """The cart's neighbours by basket come first, each resting on an item of the cart."""
    model = models.shop_model()
    cart = (5, 9)
    slate = recommend(model, SlateRequest(placement=Placement.CART, cart=cart), category_cap=None)
    assert slate.source is Source.BOUGHT_TOGETHER
    near = {int(item) for anchor in cart for item in model.together.of(anchor).item}
    assert model.items.index(slate.items[0].item_id) in near
    assert slate.items[0].reason.item_id in {model.items.ids[item] for item in cart}


def test_reorder_names_the_day() -> None:
    """What is due comes first, with the day it is expected to run out."""
    model = models.shop_model()
    slate = recommend(model, SlateRequest(placement=Placement.REORDER, history=model.histories.of(2)))
    assert slate.source is Source.BUY_AGAIN
    assert isinstance(slate.items[0].reason.due_on, date)


def test_model_without_neighbours_and_factors_still_fills() -> None:
    """Every signal may be silent: what is popular is left."""
    model = models.without_neighbours(models.shop_model())
    silent = dataclasses.replace(
        model,
        factors=dataclasses.replace(
            model.factors, user=np.zeros_like(model.factors.user), item=np.zeros_like(model.factors.item)
        ),
    )
    for placement in set(Placement) - PURE:
        request = SlateRequest(placement=placement, history=model.histories.of(0), context=(3,), cart=(4,))
        assert len(recommend(silent, request).items) == 10


def test_threads_share_an_engine() -> None:
    """Eight threads asking at once get what one gets."""
    model = models.shop_model()
    engine = models.engine_of(model)

    def ask(user: int) -> Slate:
        request = SlateRequest(history=model.histories.of(user), cart=(user % N_ITEMS,))
        return engine.recommend(request, now=model.as_of, slate_id=str(user), created_at=CREATED)

    users: list[int] = list(range(40)) * 3
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, users)) == [ask(user) for user in users]


def test_asking_changes_nothing() -> None:
    """The model, the past, the shelf and the stored candidates are read only."""
    model = models.shop_model()
    engine, history = models.engine_of(model), model.histories.of(3)
    stored = engine.candidates(history, purpose=Purpose.ALL, now=model.as_of)
    shelf = models.open_shelf(model)
    arrays: list[npt.NDArray[Any]] = [stored.item, stored.score, shelf.in_stock, shelf.price, history.decayed]
    before = [array.copy() for array in arrays]
    recommend(model, SlateRequest(history=history, candidates=stored, shelf=shelf, cart=(1,)))
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("user", range(0, N_USERS, 40))
def test_buy_again_holds_nothing_never_bought(user: int) -> None:
    """A shelf that is called "buy again" is short rather than filled up, and empty for a stranger."""
    model = models.shop_model()
    history = model.histories.of(user)
    slate = recommend(model, SlateRequest(placement=Placement.REORDER, limit=100, history=history))
    assert set(shown(model, slate)) <= set(history.owned.tolist())
    stranger = recommend(model, SlateRequest(placement=Placement.REORDER))
    assert not stranger.items
