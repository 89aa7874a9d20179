"""Departments, kinds and pages over planted catalogues."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from recommender.catalogue import Catalogue
from recommender.model import Model
from recommender.rules import Shelf
from serving.shop.aisles import aisles
from serving.shop.listing import PAGE_SIZE, Listing, Order, best_sellers, browse, search
from tests.models import shop_model, tiny_model


def everything_for_sale(model: Model) -> Shelf:
    """Return a shelf nothing of which is sold out."""
    return Shelf(np.ones(len(model.items), np.bool_), np.array(model.catalogue.price))


def twice_the_same() -> Model:
    """Return the planted shop in which every other item is called as the one before it."""
    model = shop_model()
    items = [model.catalogue.item(index, item_id=item_id) for index, item_id in enumerate(model.items.ids)]
    named = [dataclasses.replace(item, title=items[index - index % 8].title) for index, item in enumerate(items)]
    return dataclasses.replace(model, catalogue=Catalogue.from_items(named))


def test_departments_are_ordered_by_their_buyers() -> None:
    """Each item stands in one department and one category, and counts there once."""
    model = shop_model()
    arranged = aisles(model)
    buyers = {
        each.name: sum(
            model.popularity.total[i] for i, name in enumerate(model.catalogue.department) if name == each.name
        )
        for each in arranged.departments
    }
    assert list(buyers.values()) == sorted(buyers.values(), reverse=True)
    assert sum(each.kinds for each in arranged.departments) == len(model.items)
    for each in arranged.departments:
        assert sum(category.kinds for category in each.categories) == each.kinds
        assert model.catalogue.department[each.emblem] == each.name


def test_one_of_each_kind_is_shown() -> None:
    """What shares title, category and department is listed once, and the others are named on its page."""
    model = twice_the_same()
    arranged, shelf = aisles(model), everything_for_sale(model)
    where = arranged.of("upstairs")
    assert where is not None
    pages = [browse(arranged, shelf, where, order=Order.BEST, page=page) for page in (1, 2)]
    titles = [(model.catalogue.title[i], int(model.catalogue.category[i])) for page in pages for i in page.items]
    assert len(titles) == len(set(titles)) == pages[0].total
    listed = {int(i) for page in pages for i in page.items}
    siblings = {int(other) for item in listed for other in arranged.of_kind(item)}
    assert listed | siblings == set(np.flatnonzero(where).tolist())
    assert not listed & siblings


def test_what_is_sold_out_is_represented_by_what_is_not() -> None:
    """Of a kind the first that can be bought is shown; a kind without any comes last."""
    model = twice_the_same()
    arranged, shelf = aisles(model), everything_for_sale(model)
    where = arranged.of("upstairs")
    assert where is not None
    first = browse(arranged, shelf, where, order=Order.BEST, page=1).items[0]
    shelf.in_stock[first] = False
    others = set(arranged.of_kind(first).tolist())
    now = browse(arranged, shelf, where, order=Order.BEST, page=1)
    assert first not in now.items
    assert others & set(now.items)
    shelf.in_stock[list(others)] = False
    last = browse(arranged, shelf, where, order=Order.BEST, page=99)
    assert arranged.kind[last.items[-1]] == arranged.kind[first]
    assert not {first, *others} & set(best_sellers(arranged, shelf, 12))


@pytest.mark.parametrize("order", [Order.CHEAP, Order.DEAR])
def test_prices_are_sorted_and_unknown_ones_come_last(order: Order) -> None:
    """In either direction."""
    model = shop_model()
    arranged, shelf = aisles(model), everything_for_sale(model)
    shelf.price[::7] = np.nan
    pages = [search(arranged, shelf, "thing", category=None, order=order, page=page) for page in range(1, 6)]
    prices = shelf.price[[i for page in pages for i in page.items]]
    known = prices[~np.isnan(prices)]
    assert len(prices) == len(model.items)
    assert np.isnan(prices[len(known) :]).all()
    assert (np.diff(known) * (1 if order is Order.CHEAP else -1) >= 0).all()


def test_facets_count_what_narrowing_finds() -> None:
    """Each category of the results leads to as many as it says."""
    model = shop_model()
    arranged, shelf = aisles(model), everything_for_sale(model)
    listing = search(arranged, shelf, "thing", category=None, order=Order.BEST, page=1)
    for each in listing.categories:
        narrowed = search(arranged, shelf, "thing", category=each.name, order=Order.BEST, page=1)
        assert narrowed.total == each.kinds
        assert narrowed.categories == listing.categories
    assert search(arranged, shelf, "thing", category="nowhere", order=Order.BEST, page=1).total == 0


@pytest.mark.parametrize(
    ("pages", "page", "nearby"),
    [
        (1, 1, [1]),
        (3, 2, [1, 2, 3]),
        (9, 1, [1, 2, None, 9]),
        (9, 5, [1, None, 4, 5, 6, None, 9]),
        (9, 9, [1, None, 8, 9]),
    ],
)
def test_pages_that_are_linked_to(pages: int, page: int, nearby: list[int | None]) -> None:
    """Both ends, and the neighbours."""
    assert Listing((), pages * PAGE_SIZE, page, Order.BEST).nearby == nearby


@pytest.mark.parametrize("name", ["one row", "one item", "guests only"])
def test_the_smallest_catalogues_can_be_walked(name: str) -> None:
    """One item is a department with a page."""
    model = tiny_model(name)
    arranged, shelf = aisles(model), everything_for_sale(model)
    (department,) = arranged.departments
    where = arranged.of(department.name)
    assert where is not None
    assert browse(arranged, shelf, where, order=Order.BEST, page=1).total == department.kinds
    assert arranged.of("elsewhere") is None
    assert arranged.of(department.name, "elsewhere") is None
