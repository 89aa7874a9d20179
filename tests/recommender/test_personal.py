"""Reasons sought afterwards are those sought at once."""

import numpy as np
import pytest

from recommender.engine import Engine
from recommender.purpose import Purpose
from recommender.request import SlateRequest
from recommender.slate import Placement
from tests import models


@pytest.mark.parametrize("user", range(0, 200, 25))
@pytest.mark.parametrize("purpose", [Purpose.ALL, Purpose.NEW])
def test_a_reason_does_not_depend_on_what_else_is_asked(user: int, purpose: Purpose) -> None:
    """Of the whole ranking, of a few of its items in another order, or of one: each has the same reason and anchor."""
    model = models.shop_model()
    engine = Engine(model, version="20240101-0123456789ab")
    request = SlateRequest(history=model.histories.of(user))
    ranking = engine._ranking_for(request, purpose, model.as_of)
    assert ranking is not None
    plain = ranking.candidates(100)
    whole = ranking.explain(plain)
    assert len(plain) > 40
    assert whole.item.tolist() == plain.item.tolist()
    rows = np.random.default_rng(user).permutation(len(plain))[:7]
    some = ranking.explain(plain.select(rows))
    assert some.reason.tolist() == whole.reason[rows].tolist()
    assert some.anchor.tolist() == whole.anchor[rows].tolist()
    one = ranking.explain(plain, rows[:1])
    assert one.anchor[rows[0]] == whole.anchor[rows[0]]
    assert one.reason[rows[0]] == whole.reason[rows[0]]
    np.testing.assert_array_equal(np.delete(one.reason, rows[0]), np.delete(plain.reason, rows[0]))


@pytest.mark.parametrize("user", range(0, 200, 25))
@pytest.mark.parametrize("placement", [Placement.HOME, Placement.REORDER])
def test_a_shelf_gives_the_reasons_of_its_candidates(user: int, placement: Placement) -> None:
    """What is shown of a ranking is explained as in the list of candidates that would be stored."""
    model = models.shop_model()
    engine = Engine(model, version="20240101-0123456789ab")
    history = model.histories.of(user)
    request = SlateRequest(history=history, placement=placement)
    slate = models.recommend(engine, request)
    purpose = Purpose.ALL if placement is Placement.HOME else Purpose.AGAIN
    stored = engine.candidates(history, purpose=purpose, now=model.as_of, k=120)
    names = model.items.ids
    reasons = {names[item]: (code, anchor) for item, _, _, code, anchor in stored.rows()}
    for item in slate.items:
        code, anchor = reasons[item.item_id]
        assert item.reason.code == code
        assert item.reason.item_id == (None if anchor < 0 else names[anchor])
