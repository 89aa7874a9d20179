"""Newcomers: an item without sales is the average of the items most like it, and nothing else changes."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue import Catalogue, Item
from recommender.cold import MIN_SIBLINGS, Newcomers
from recommender.features import Describer
from recommender.purpose import Purpose
from tests import models, planted


def catalogue(*rows: tuple[str, str, str]) -> Catalogue:
    """Return items with (department, category, brand)."""
    return Catalogue.from_items(
        [
            Item(item_id=str(at), department=department, category=category, brand=brand)
            for at, (department, category, brand) in enumerate(rows)
        ]
    )


MILK, RICE, NOTHING = ("dairy", "milk", "Alm"), ("dry", "rice", "Alm"), ("", "", "")


def test_closest_relation_with_enough_siblings_speaks() -> None:
    """Brand and category first, then the category, then the department, then nobody."""
    shop = catalogue(
        *[MILK] * 3, ("dairy", "milk", "Berg"), ("dairy", "cheese", "Alm"), RICE,  # sold: 0 to 5
        MILK, ("dairy", "milk", "Berg"), ("dairy", "cheese", "Alm"), RICE, NOTHING,
    )  # fmt: skip
    sold = np.arange(11) < 6
    values = np.array([1, 2, 3, 6, 8, 100, 0, 0, 0, 0, -1], dtype=np.float32)
    newcomers = Newcomers.of(shop, sold)
    assert sorted(newcomers.item.tolist()) == [6, 7, 8]
    filled = newcomers.filled(values)
    assert filled.tolist() == [1, 2, 3, 6, 8, 100, 2, 3, 4, 0, -1]
    assert values[6] == 0


attributes = st.tuples(
    st.sampled_from(["", "x", "y"]), st.sampled_from(["", "a", "b"]), st.sampled_from(["", "p", "q"])
)


@given(st.lists(st.tuples(attributes, st.booleans(), st.floats(-9, 9, width=32)), min_size=1, max_size=40))
def test_newcomers_equal_their_definition(rows: list[tuple[tuple[str, str, str], bool, float]]) -> None:
    """The grouped means are those of a loop over items; what has sales keeps its value."""
    shop, sold = catalogue(*(row[0] for row in rows)), np.array([row[1] for row in rows])
    values = np.array([row[2] for row in rows], dtype=np.float32)
    filled = Newcomers.of(shop, sold).filled(values)
    for at, ((department, category, brand), is_sold, value) in enumerate(rows):
        keys: list[tuple[tuple[str, ...], slice]] = [
            ((category, brand), slice(1, 3)),
            ((category,), slice(1, 2)),
            ((department,), slice(0, 1)),
        ]
        relations = [
            [i for i, (other, s, _) in enumerate(rows) if s and all(key) and key == tuple[str, ...](other)[part]]
            for key, part in keys
        ]
        siblings = [] if is_sold else next((found for found in relations if len(found) >= MIN_SIBLINGS), [])
        expected = values[siblings].mean() if siblings else value
        assert filled[at] == pytest.approx(expected, abs=1e-5)


def test_nobody_is_new_in_an_empty_shop() -> None:
    """Neither without items nor without newcomers is there anything to fill."""
    nothing: npt.NDArray[np.float32] = np.empty(0, np.float32)
    assert not len(Newcomers.of(Catalogue.from_items([]), np.empty(0, np.bool_)).filled(nothing))
    values = np.ones(2, np.float32)
    assert Newcomers.of(catalogue(MILK, MILK), np.ones(2, np.bool_)).filled(values) is values


def test_new_arrival_reaches_those_who_like_its_aisle() -> None:
    """An item added to an aisle is ranked by what a person thinks of that aisle, in every signal."""
    shop = planted.shop()
    log = shop.log.with_items(["~new in aisle 2"])
    items = [shop.catalogue.item(at, item_id=item_id) for at, item_id in enumerate(shop.log.items)]
    new = dataclasses.replace(items[int(np.flatnonzero(shop.aisle == 2)[0])], item_id="~new in aisle 2")
    model = models.model_of(log, Catalogue.from_items([*items, new]))
    describer, arrival = Describer(model), len(items)
    place: dict[bool, list[float]] = {True: [], False: []}
    for user in range(len(log.users)):
        history = model.histories.of(user)
        described = describer.describe(history, now=model.as_of)
        score = dict(zip(described.item.tolist(), model.blend.score(described.features, Purpose.NEW), strict=True))
        others = [value for item, value in score.items() if item != arrival and not history.owns(np.array([item]))]
        place[bool(shop.taste[user] == 2)].append(float(np.mean(np.array(others) < score[arrival])))
    assert np.mean(place[True]) > 0.5 > np.mean(place[False])
