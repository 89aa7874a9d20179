"""The law of reasons: take the named item out of the past, and the offer is worth less.

The same candidates are described once more without it. What is standardised over the candidates keeps its scale, so
that nothing changes but what the item said. Then three things must be lower than before: the signal of the component
that names it, the component's share of the score, and all that factors and neighbours say for it, beside what they say
for the other offers.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.blend import COMPONENT_OF, FEATURES, Blend, Component
from recommender.candidates import NO_ANCHOR, Candidates, ReasonCode
from recommender.catalogue import Catalogue
from recommender.engine import Engine
from recommender.events import Event
from recommender.features import NO_CART, Described, Describer, Scale
from recommender.histories import FreshEvent, History
from recommender.model import Model
from recommender.purpose import Purpose
from tests import models, planted

Floats = npt.NDArray[np.float32]

N_USERS, N_ITEMS, K = 200, 120, 40
COLUMN = {name: column for column, name in enumerate(FEATURES)}
SIGNALS = {
    Component.FACTORS: ("factors",),
    Component.SIMILAR: ("similar",),
    Component.TOGETHER: ("together",),
    Component.PEERS: ("peers",),
    Component.CART: ("cart_together", "cart_similar"),
}
NAMED_BY = {
    ReasonCode.BOUGHT_TOGETHER: (Component.TOGETHER, Component.CART),
    ReasonCode.BECAUSE_YOU_BOUGHT: (Component.FACTORS, Component.SIMILAR, Component.PEERS),
    ReasonCode.SIMILAR_TO: (Component.FACTORS, Component.SIMILAR, Component.TOGETHER),
}
"""Which components may have given a reason."""


def without(history: History, item: int) -> History:
    """The same past, had the item never been in it."""
    keep = history.item != item
    columns = {name: getattr(history, name)[keep] for name in ("item", "orders", "first", "last", "confidence")}
    return dataclasses.replace(history, **columns, decayed=history.decayed[keep], changed=True)


@dataclass(frozen=True)
class Case:
    """A model, a person and what lies in their cart."""

    model: Model
    history: History
    cart: npt.NDArray[np.int32]

    def described(self) -> Described:
        """The candidates as they are."""
        return Describer(self.model).describe(self.history, now=self.model.as_of, cart=self.cart)

    def described_without(self, anchor: int, before: Described) -> Described:
        """The same candidates without the anchor, on the scale they had with it."""
        describer, past = Describer(self.model), without(self.history, anchor)
        signals = describer.signals(past, now=self.model.as_of, cart=self.cart[self.cart != anchor])
        rows = describer.features(past, signals, before.item, now=self.model.as_of)
        for name in (name for names in SIGNALS.values() for name in names):
            was, now = getattr(before.signals, name), getattr(signals, name)
            if was is not None:
                scale = Scale.of(was[before.item])
                value = np.zeros(len(before.item), np.float32) if now is None else now[before.item]
                if name in COLUMN:
                    rows[:, COLUMN[name]] = scale.standardised(value)
                rows[:, COLUMN[f"{name}_log"]] = scale.log_relative(value)
        return Described(before.item, rows, signals, signals.values(before.item), before.scales)


@dataclass(frozen=True)
class Loss:
    """What an item loses without its anchor."""

    signal: dict[Component, float]
    share: dict[Component, float]
    """Of the score, by component."""
    beside_others: float
    """By all signals together, more than the other offers on average."""


def loss_of(case: Case, weights: Floats, offers: npt.NDArray[np.int32], item: int, anchor: int) -> Loss:
    """Measure it, by describing everything again."""
    before = case.described()
    after = case.described_without(anchor, before)
    at = int(np.searchsorted(before.item, item))
    sold = case.model.popularity.total[before.item] > 0
    others = np.isin(before.item, offers) & ~np.isin(before.item, [item, anchor]) & sold
    change = (before.features - after.features).astype(np.float64) * weights
    signal = {}
    for component, names in SIGNALS.items():
        was, now = getattr(before.signals, names[0]), getattr(after.signals, names[0])
        one = np.array([item], dtype=np.int32)
        signal[component] = 0.0 if was is None else float((was[one] - (0 if now is None else now[one]))[0])
    share = {component: float(change[at, component == COMPONENT_OF].sum()) for component in Component}
    said = change[:, np.isin(COMPONENT_OF, list(SIGNALS))].sum(axis=1)
    return Loss(signal, share, float(said[at] - (said[others].mean() if others.any() else 0)))


def offers_of(case: Case, purpose: Purpose) -> Candidates:
    """Every offer, with its reason and anchor."""
    engine = Engine(case.model, version="20240101-0123456789ab")
    return engine.candidates(case.history, purpose=purpose, now=case.model.as_of, k=K, cart=case.cart)


@st.composite
def pasts(draw: st.DrawFn) -> History:
    """Draw a customer of the planted shop or a guest, with any events of the last days on top."""
    model = models.shop_model()
    user = draw(st.none() | st.integers(0, N_USERS - 1))
    start = History.empty(model.as_of) if user is None else model.histories.of(user)
    event = st.builds(
        lambda item, kind, quantity, days: FreshEvent(item, kind, quantity, model.as_of - np.timedelta64(days, "D")),
        st.integers(0, N_ITEMS - 1),
        st.sampled_from([Event.PURCHASE, Event.PURCHASE, Event.CLICK, Event.ADD_TO_CART]),
        st.sampled_from([1.0, 12.0]),
        st.integers(0, 60),
    )
    # As if changed: the vector is folded in, as it is without the anchor; the stored one equals it up to rounding.
    return dataclasses.replace(start.with_events(draw(st.lists(event, max_size=8)), model.confidence), changed=True)


def assert_true(case: Case, purpose: Purpose) -> None:
    """Assert the law for every offer with an anchor."""
    offers = offers_of(case, purpose)
    for item, _, _, code, anchor in offers.rows():
        if anchor != NO_ANCHOR:
            loss = loss_of(case, case.model.blend.weights(purpose), offers.item, item, anchor)
            kinds = NAMED_BY[ReasonCode(code)]
            assert any(loss.signal[kind] > 0 and loss.share[kind] > 0 for kind in kinds), (item, anchor, loss)
            assert loss.beside_others > 0, (item, anchor, loss)


@given(pasts(), st.sampled_from([Purpose.ALL, Purpose.NEW]))
def test_without_the_anchor_an_offer_is_worth_less(history: History, purpose: Purpose) -> None:
    """With the built-in weights: less signal, less share, and a loss that the other offers do not have."""
    assert_true(Case(models.shop_model(), history, NO_CART), purpose)


@given(pasts(), st.integers(0, 2**32))
def test_reasons_are_true_with_any_weights(history: History, seed: int) -> None:
    """Whatever was learned, weights below zero included: nobody is told of a purchase that speaks against the item."""
    weights = np.random.default_rng(seed).normal(size=len(FEATURES)).astype(np.float32)
    # Who the peers are changes with every purchase: what is lost of their votes is an estimate, and no law.
    weights[COMPONENT_OF == Component.PEERS] = 0
    blend = Blend(**dict.fromkeys(("all", "new", "again", "cart"), weights))
    assert_true(Case(dataclasses.replace(models.shop_model(), blend=blend), history, NO_CART), Purpose.NEW)


@given(pasts(), st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=4, unique=True))
def test_what_completes_a_cart_is_worth_less_without_it(history: History, held: list[int]) -> None:
    """The same of baskets that are being filled."""
    cart = np.array(sorted(held), dtype=np.int32)
    assert_true(Case(models.shop_model(), history, cart), Purpose.CART)


@pytest.fixture(name="with_arrivals", scope="module")
def _with_arrivals() -> Model:
    """The planted shop with a twin on the shelf, never sold, of every third item."""
    shop = planted.shop()
    items = [shop.catalogue.item(at, item_id=item_id) for at, item_id in enumerate(shop.log.items)]
    twins = [dataclasses.replace(item, item_id=f"~{item.item_id}") for item in items[::3]]
    return models.model_of(shop.log.with_items(twin.item_id for twin in twins), Catalogue.from_items([*items, *twins]))


@pytest.mark.parametrize("purpose", [Purpose.ALL, Purpose.NEW])
@pytest.mark.parametrize("user", range(0, N_USERS, 10))
def test_new_arrivals_make_no_reason_untrue(with_arrivals: Model, user: int, purpose: Purpose) -> None:
    """An item without sales follows its siblings: it names no purchase, and is no measure for those that do."""
    model = with_arrivals
    case = Case(model, dataclasses.replace(model.histories.of(user), changed=True), NO_CART)
    assert_true(case, purpose)
    offers = offers_of(case, purpose)
    assert (offers.anchor[model.popularity.total[offers.item] == 0] == NO_ANCHOR).all()


def test_the_law_is_not_empty() -> None:
    """Customers of the planted shop are given reasons with an anchor."""
    model = models.shop_model()
    codes = Counter(
        code
        for user in range(0, N_USERS, 20)
        for code in offers_of(Case(model, model.histories.of(user), NO_CART), Purpose.NEW).reason.tolist()
    )
    assert codes[ReasonCode.BECAUSE_YOU_BOUGHT] > 20


def test_a_component_that_speaks_against_an_item_is_no_reason() -> None:
    """With weights below zero, factors and neighbours name nothing; what they lift, they lift by absence."""
    shop = models.shop_model()
    named = {"factors": -1.0, "factors_log": -1.0, "similar": -1.0, "similar_log": -1.0, "together_log": -1.0}
    model = dataclasses.replace(shop, blend=Blend.from_weights(dict.fromkeys(Purpose, named)))
    for user in range(0, N_USERS, 20):
        offers = offers_of(Case(model, model.histories.of(user), NO_CART), Purpose.NEW)
        assert (offers.anchor == NO_ANCHOR).all()


@pytest.mark.parametrize("user", range(0, N_USERS, 40))
def test_no_category_is_a_favourite_unseen(user: int) -> None:
    """A favourite category is one that the person bought something in."""
    shop = models.shop_model()
    named = {"category_affinity": 1.0, "category_rest_days": 5.0}
    model = dataclasses.replace(shop, blend=Blend.from_weights(dict.fromkeys(Purpose, named)))
    history = shop.histories.of(user)
    found = offers_of(Case(model, history, NO_CART), Purpose.NEW)
    known = set(shop.catalogue.category[history.owned].tolist())
    favourites = found.item[found.reason == ReasonCode.FAVOURITE_CATEGORY]
    assert set(shop.catalogue.category[favourites].tolist()) <= known


@pytest.mark.parametrize("viewed", range(0, 120, 17))
def test_the_item_on_the_page_makes_no_favourite(viewed: int) -> None:
    """Whoever looks at something has bought nothing yet, however much its category counts."""
    shop = models.shop_model()
    named = {"category_affinity": 1.0, "category_rest_days": 5.0}
    model = dataclasses.replace(shop, blend=Blend.from_weights(dict.fromkeys(Purpose, named)))
    looked = FreshEvent(viewed, Event.CLICK, 1.0, model.as_of)
    guest = History.empty(model.as_of).with_events([looked], model.confidence)
    found = offers_of(Case(model, guest, NO_CART), Purpose.NEW)
    assert len(found.item)
    assert ReasonCode.FAVOURITE_CATEGORY not in found.reason.tolist()
