"""The ladder: each rung says what it promises, and every placement ends at what is popular."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.candidates import NO_ANCHOR, Candidates, ReasonCode, Source
from recommender.ladder import (
    DEPTH,
    PURE,
    Blended,
    Rung,
    anything,
    bestsellers,
    bought_together,
    ladder,
    popular,
    popular_in_category,
    similar,
    trending,
)
from recommender.model import Model
from recommender.request import SlateRequest
from recommender.slate import Placement
from tests import models, planted

N_ITEMS = 120


def personal(model: Model, request: SlateRequest, now: np.datetime64) -> Candidates:
    """Stands for a rung of the engine's own."""
    return Candidates.empty()


def buy_again(model: Model, request: SlateRequest, now: np.datetime64) -> Candidates:
    """Stands for another."""
    return Candidates.empty()


def completing(model: Model, request: SlateRequest, now: np.datetime64) -> Candidates:
    """Stands for a third."""
    return Candidates.empty()


BLENDED = Blended(personal=personal, buy_again=buy_again, completing=completing)


@pytest.mark.parametrize("placement", sorted(set(Placement) - PURE))
def test_every_other_ladder_ends_with_the_whole_catalogue(placement: Placement) -> None:
    """A shelf is never empty while the shop sells anything; each rung is climbed once."""
    rungs = ladder(placement, BLENDED)
    assert rungs[-1] is anything
    assert len(set(rungs)) == len(rungs)
    model = models.shop_model()
    assert sorted(anything(model, SlateRequest(), model.as_of).item.tolist()) == list(range(N_ITEMS))


@pytest.mark.parametrize("rung", [bought_together, similar, popular_in_category])
def test_rung_with_nothing_to_say_is_silent(rung: Rung) -> None:
    """Without a past, a page, a cart or a category there is nothing to add."""
    model = models.shop_model()
    assert not len(rung(model, SlateRequest(), model.as_of))


@given(st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=5))
@pytest.mark.parametrize("rung", [similar, bought_together])
def test_neighbours_of_several_add_up(rung: Rung, anchors: list[int]) -> None:
    """The score is the sum over the anchors, the named one is the nearest, and no anchor is offered."""
    model = models.shop_model()
    weights = (model.similar if rung is similar else model.together).as_matrix().toarray()[anchors]
    found = rung(model, SlateRequest(context=tuple(anchors)), model.as_of)
    total = weights.sum(axis=0)
    total[anchors] = 0
    assert sorted(found.item.tolist()) == np.flatnonzero(total).tolist()
    np.testing.assert_allclose(found.score, total[found.item], rtol=1e-5)
    assert (np.diff(found.score) <= 0).all()
    assert found.anchor.tolist() == [anchors[row] for row in weights[:, found.item].argmax(axis=0)]


def test_page_and_cart_take_turns() -> None:
    """Similar items look at the page first, complements at the cart first; each falls back on the other."""
    model = models.shop_model()

    def found(rung: Rung, *, context: tuple[int, ...] = (), cart: tuple[int, ...] = ()) -> list[int]:
        return list(rung(model, SlateRequest(context=context, cart=cart), model.as_of).item)

    assert found(similar, context=(3,), cart=(4,)) == found(similar, context=(3,)) == found(similar, cart=(3,))
    assert found(bought_together, context=(3,), cart=(4,)) == found(bought_together, cart=(4,))
    assert found(bought_together, context=(4,)) == found(bought_together, cart=(4,))


def test_category_asked_for_comes_before_the_page() -> None:
    """Named categories decide; without any, those of the page and the cart do."""
    shop, model = planted.shop(), models.shop_model()
    named = popular_in_category(model, SlateRequest(categories=("aisle 2",), context=(1,)), model.as_of)
    assert set(shop.aisle[named.item].tolist()) == {2}
    around = popular_in_category(model, SlateRequest(context=(1,), cart=(3,)), model.as_of)
    assert set(shop.aisle[around.item].tolist()) == {1, 3}


def test_popular_is_by_recent_buyers_and_bestsellers_by_all() -> None:
    """Ties among recent buyers go to whoever sold more ever."""
    log = planted.drifting()
    model = models.model_of(log)
    names = [log.items.ids[item] for item in popular(model, SlateRequest(), model.as_of).item]
    assert names == ["rising", "steady", "fading"]
    assert bestsellers(model, SlateRequest(), model.as_of).item.tolist() == [0, 1, 2]
    assert log.items.ids[trending(model, SlateRequest(), model.as_of).item[0]] == "rising"


@pytest.mark.parametrize(
    ("rung", "source", "code"),
    [
        (bought_together, Source.BOUGHT_TOGETHER, ReasonCode.BOUGHT_TOGETHER),
        (similar, Source.SIMILAR, ReasonCode.SIMILAR_TO),
        (trending, Source.TRENDING, ReasonCode.TRENDING),
        (popular_in_category, Source.POPULAR_IN_CATEGORY, ReasonCode.POPULAR_IN_CATEGORY),
        (popular, Source.POPULAR, ReasonCode.POPULAR),
        (bestsellers, Source.POPULAR, ReasonCode.POPULAR),
    ],
)
def test_rungs_name_themselves(rung: Rung, source: Source, code: ReasonCode) -> None:
    """Each item says where it came from; only neighbours rest on an item."""
    model = models.shop_model()
    request = SlateRequest(history=model.histories.of(0), context=(1,), cart=(2,))
    found = rung(model, request, model.as_of)
    assert 0 < len(found) <= DEPTH
    assert set(found.source.tolist()) == {source}
    assert set(found.reason.tolist()) == {code}
    assert ((found.anchor != NO_ANCHOR) == (rung in {bought_together, similar})).all()
