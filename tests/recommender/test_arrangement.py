"""What makes two items of a catalogue alike, and what a shelf does about it."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.arrangement import Arrangement, known_categories, same_title
from recommender.candidates import Candidates, ReasonCode, Source
from recommender.catalogue import Catalogue, Item
from recommender.diversity import Variety
from recommender.purpose import STORED, Purpose
from recommender.request import SlateRequest
from recommender.slate import Placement
from tests import models, planted

CATALOGUE = Catalogue.from_items(
    [
        Item(item_id="a", title="Whole Milk", category="Milk"),
        Item(item_id="b", title="whole  milk ", category="Milk"),
        Item(item_id="c", title="Whole Milk", category="Sweets"),
        Item(item_id="d", title="Skimmed", category="Milk"),
        Item(item_id="e", title="", category="Milk"),
        Item(item_id="f", title="", category=""),
        Item(item_id="g", title="牛乳 空", category=""),
        Item(item_id="h", title="牛乳 空", category=""),
    ]
)


def offered(*items: int) -> Candidates:
    """Candidates in this order."""
    item = np.array(items, dtype=np.int32)
    return Candidates.of(item, np.arange(len(item), 0, -1.0), source=Source.PERSONAL, reason=ReasonCode.POPULAR)


def arrangement(**options: object) -> Arrangement:
    """An arrangement of the catalogue above, with orthogonal vectors."""
    factors = dataclasses.replace(models.shop_model().factors, item=np.eye(8, dtype=np.float32))
    return Arrangement(CATALOGUE, factors, Variety(**options))  # type: ignore[arg-type]


def test_same_title_ignores_case_and_spaces() -> None:
    """One title in one category is one thing; without a title, every item is its own."""
    number = same_title(CATALOGUE).tolist()
    assert number[0] == number[1]
    assert number[6] == number[7]
    assert len(set(number)) == 6


def test_empty_category_is_unknown() -> None:
    """The empty name is no category."""
    assert (known_categories(CATALOGUE) < 0).tolist() == [False] * 5 + [True] * 3


def test_shelf_shows_one_of_each_title() -> None:
    """The second of a title comes last, and is shown where nothing else is left."""
    shelf = arrangement().shelf(offered(0, 1, 2, 6, 7), limit=5).item.tolist()
    assert shelf == [0, 2, 6, 1, 7]
    assert arrangement(one_per_title=False).shelf(offered(0, 1, 2), limit=3).item.tolist() == [0, 1, 2]


def test_category_cap_is_a_setting() -> None:
    """The surplus of a category goes to the end; without a cap nothing does."""
    assert arrangement(category_cap=1).shelf(offered(0, 3, 4, 2), limit=4).item.tolist() == [0, 2, 3, 4]
    assert arrangement(category_cap=None).shelf(offered(0, 3, 4, 2), limit=4).item.tolist() == [0, 3, 4, 2]


def test_dial_prefers_another_category() -> None:
    """At equal distance by vectors, the dial decides between score and category."""
    accurate, varied = arrangement(category_cap=None), arrangement(category_cap=None, diversity=0.9)
    assert accurate.shelf(offered(0, 3, 2), limit=2).item.tolist() == [0, 3]
    assert varied.shelf(offered(0, 3, 2), limit=2).item.tolist() == [0, 2]
    assert accurate.with_dial(0.9).shelf(offered(0, 3, 2), limit=2).item.tolist() == [0, 2]
    assert accurate.variety.diversity == 0


@given(st.permutations(range(8)), st.integers(1, 8), st.integers(0, 8), st.sampled_from([None, 1, 2]), st.booleans())
def test_settled_means_settled(order: list[int], limit: int, depth: int, cap: int | None, once: bool) -> None:
    """Once settled, whatever else could be offered leaves the places that are shown alone."""
    found = arrangement(category_cap=cap, one_per_title=once)
    first, everything = offered(*order[:depth]), offered(*order)
    if found.is_settled(first.item, limit=limit):
        assert found.shelf(first, limit=limit).item.tolist() == found.shelf(everything, limit=limit).item.tolist()


@given(user=st.integers(0, 199), dial=st.sampled_from([0.0, 0.3, 0.9]))
@pytest.mark.parametrize("purpose", STORED)
def test_engine_shows_the_arranged_candidates(purpose: Purpose, user: int, dial: float) -> None:
    """What is measured as a shelf is what the home placement shows, at every dial."""
    model = dataclasses.replace(models.shop_model(), variety=Variety(diversity=dial))
    engine, history = models.engine_of(model), model.histories.of(user)
    found = engine.candidates(history, purpose=purpose, now=model.as_of)
    shelf = Arrangement(model.catalogue, model.factors, model.variety).shelf(found, limit=5)
    request = SlateRequest(placement=Placement.HOME, limit=5, history=history, new_only=purpose is Purpose.NEW)
    slate = models.recommend(engine, request)
    assert [item.item_id for item in slate.items] == [model.items.ids[item] for item in shelf.item]


@pytest.mark.parametrize("placement", [Placement.TRENDING, Placement.BESTSELLERS, Placement.REORDER, Placement.PRODUCT])
def test_dial_leaves_promised_orders_alone(placement: Placement) -> None:
    """What is called bestsellers is sorted by sales."""
    model = models.shop_model()
    request = SlateRequest(placement=placement, history=model.histories.of(3), context=(5,))
    slates = [
        models.recommend(models.engine_of(dataclasses.replace(model, variety=Variety(diversity=dial))), request)
        for dial in (0.0, 0.9)
    ]
    assert slates[0] == slates[1]


def test_new_arrivals_are_no_variety() -> None:
    """An item without sales has no vector; it counts as being like its siblings, not as unlike everything."""
    shop = planted.shop()
    items = [shop.catalogue.item(at, item_id=item_id) for at, item_id in enumerate(shop.log.items)]
    twins = [dataclasses.replace(item, item_id=f"~{item.item_id}") for item in items[::3]]
    log = shop.log.with_items(twin.item_id for twin in twins)
    model = models.model_of(log, Catalogue.from_items([*items, *twins]))
    arranged = Arrangement(
        model.catalogue, model.factors, Variety(diversity=0.9, category_cap=None, one_per_title=False)
    )
    pool = np.array([0, 1, 2, len(items)], dtype=np.int32)
    assert not model.factors.item[len(items)].any()
    found = Candidates.of(
        pool, np.array([3, 2, 1.5, 0.1], np.float32), source=Source.PERSONAL, reason=ReasonCode.POPULAR
    )
    assert arranged.vary(found, k=2).item.tolist()[1] != len(items)
