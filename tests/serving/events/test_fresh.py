"""What a list of fresh events says, whatever the order in which they came."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pytest

from recommender.engine import Engine
from recommender.refusals import NEAREST
from serving.events.fresh import FreshEvents, decode, of_line
from tests.models import shop_model
from tests.planted import item_id, user_id

ITEM = 0


@functools.cache
def engine() -> Engine:
    return Engine(shop_model(), version="v")


def stored(event: str, second: float, item: int | None = ITEM, **said: Any) -> bytes:
    """An event some seconds after training."""
    line = {"event": event, "quantity": 1.0, **said}
    if item is not None:
        line["item_id"] = item_id(item)
    time = shop_model().as_of.astype("datetime64[ms]") + np.timedelta64(int(1000 * second), "ms")
    payload = of_line(line, time)
    assert payload is not None
    return payload


def read(*payloads: bytes, user: str | None = None) -> FreshEvents:
    """Read events that came in this order."""
    return decode(reversed(payloads), engine(), user)


LIVES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "taken out again": [("add_to_cart", {}), ("remove_from_cart", {})],
    "in the cart": [("remove_from_cart", {}), ("add_to_cart", {})],
    "sent back": [("add_to_cart", {}), ("purchase", {}), ("return", {})],
    "refused, and bought all the same": [("not_interested", {}), ("click", {}), ("purchase", {})],
    "disliked": [("purchase", {}), ("rating", {"rating": 5}), ("rating", {"rating": 1})],
    "liked in the end": [("rating", {"rating": 1}), ("rating", {"rating": 4})],
    "a complaint of two": [
        ("complaint_opened", {"complaint_id": "a"}),
        ("complaint_opened", {"complaint_id": "b"}),
        ("complaint_closed", {"complaint_id": "a"}),
    ],
    "settled": [("complaint_opened", {"order_id": "o"}), ("complaint_closed", {})],
}


@pytest.mark.parametrize("life", LIVES)
def test_the_order_of_arrival_does_not_matter(life: str) -> None:
    """A late event undoes nothing that happened after it."""
    happened = [stored(event, second, **said) for second, (event, said) in enumerate(LIVES[life])]
    expected = read(*happened)
    for arrived in itertools.permutations(happened):
        assert read(*arrived) == expected
    facts = {
        "taken out again": (False, False, False, True),
        "in the cart": (True, False, False, True),
        "sent back": (False, True, False, False),
        "refused, and bought all the same": (False, False, False, True),
        "disliked": (False, True, False, False),
        "liked in the end": (False, False, False, True),
        "a complaint of two": (False, False, True, False),
        "settled": (False, False, False, False),
    }
    in_cart, refused, complains, wanted = facts[life]
    assert (ITEM in expected.in_cart, ITEM in expected.unwanted) == (in_cart, refused)
    assert (expected.has_complaint, bool(expected.positive)) == (complains, wanted)


def test_milliseconds_tell_the_order() -> None:
    """A quick hand puts in and takes out within a second."""
    into, out = stored("add_to_cart", 0.2), stored("remove_from_cart", 0.7)
    assert not read(out, into).in_cart
    assert not read(into, out).in_cart


def test_a_refusal_takes_few_others_along() -> None:
    """What bears the title and the nearest of the category leave; most of the category stays."""
    category = shop_model().catalogue.category
    for item in range(len(shop_model().items)):
        gone = read(stored("return", 1, item)).unwanted
        assert item in gone
        assert len(gone) <= 1 + NEAREST
        assert {int(category[other]) for other in gone} == {int(category[item])}


def test_some_refusals_take_neighbours_along() -> None:
    """Most items have something close."""
    sizes = [len(read(stored("not_interested", 1, item)).unwanted) for item in range(len(shop_model().items))]
    assert np.mean(np.array(sizes) > 1) > 0.5


def test_what_somebody_buys_themselves_stays() -> None:
    """The neighbours of a returned item leave a stranger's shelf, and stay on that of who owns them."""
    model = shop_model()
    for index in range(len(model.users)):
        owned = set(model.histories.of(index).owned.tolist())
        for item in owned:
            company = read(stored("return", 1, item), user=user_id(index)).unwanted - {item}
            assert not company & owned
    bought = stored("purchase", 1, 1)
    assert 1 not in read(bought, stored("return", 2, 0)).unwanted


def test_a_purchase_rests_its_item_however_late_it_comes() -> None:
    """One from before the training is no news to the model, and is still bought."""
    late = read(stored("purchase", -60))
    assert not late.positive
    assert ITEM in late.barred(shop_model(), now=shop_model().as_of)
    assert ITEM not in late.barred(shop_model(), now=shop_model().as_of + np.timedelta64(900, "D"))
