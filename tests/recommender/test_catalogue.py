"""The catalogue: columns that give the shop's items back."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue import Catalogue, Item
from recommender.errors import InvalidInput

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
items = st.builds(
    Item,
    item_id=words,
    title=words,
    category=words,
    department=words,
    brand=words,
    price=st.none() | st.floats(0, 1e6),
    url=words,
    image_url=words,
)


@given(st.lists(items, max_size=6))
def test_items_survive(shelf: list[Item]) -> None:
    """Every item comes back as it went in, an unknown price included."""
    catalogue = Catalogue.from_items(shelf)
    assert [catalogue.item(index, item_id=item.item_id) for index, item in enumerate(shelf)] == shelf


def test_category_index() -> None:
    """A category is found by its name; nobody stands in an unknown one."""
    catalogue = Catalogue.from_items([Item(item_id="1", category="tea"), Item(item_id="2"), Item(item_id="3")])
    assert catalogue.categories == ("", "tea")
    assert catalogue.category.tolist() == [1, 0, 0]
    assert catalogue.category_index("tea") == 1
    assert catalogue.category_index("coffee") is None


def test_columns_must_have_one_length() -> None:
    """A catalogue with a missing price is refused."""
    catalogue = Catalogue.from_items([Item(item_id="1"), Item(item_id="2")])
    with pytest.raises(InvalidInput, match=r"differ in length: \[1, 2\]"):
        dataclasses.replace(catalogue, price=np.array([1.0]))
