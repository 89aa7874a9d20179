"""A page of items out of many: one of each kind, what can be bought first, in the order the visitor chose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from recommender.rules import Shelf
from serving.shop.aisles import Aisles, Category, Indices, Mask
from serving.shop.words import NO_MATCH

PAGE_SIZE = 24
MAX_FACETS = 10


class Order(StrEnum):
    """What comes first."""

    BEST = "best"
    """What fits best, then what sells best."""
    CHEAP = "cheap"
    DEAR = "dear"


@dataclass(frozen=True, slots=True)
class Listing:
    """One page."""

    items: tuple[int, ...]
    """Indices of items."""
    total: int
    """Kinds on all pages together."""
    page: int
    """From 1."""
    order: Order
    categories: tuple[Category, ...] = ()
    """Where most of what was found stands."""

    @property
    def pages(self) -> int:
        """How many there are, one at least."""
        return max(1, -(-self.total // PAGE_SIZE))

    @property
    def nearby(self) -> list[int | None]:
        """The pages that are linked to: both ends and those around this one; None where some are left out."""
        near = {1, self.pages, *range(max(1, self.page - 1), min(self.pages, self.page + 1) + 1)}
        shown: list[int | None] = []
        for page in sorted(near):
            if shown and shown[-1] is not None and page - shown[-1] > 1:
                shown.append(None)
            shown.append(page)
        return shown


def browse(aisles: Aisles, shelf: Shelf, where: Mask, *, order: Order, page: int) -> Listing:
    """List what stands somewhere."""
    return _page(aisles, shelf, aisles.by_sales[where[aisles.by_sales]], order=order, page=page)


def search(aisles: Aisles, shelf: Shelf, query: str, *, category: str | None, order: Order, page: int) -> Listing:
    """List what fits a query, in one category if it is named."""
    rank = aisles.words.ranks(query)[aisles.kind]
    found = aisles.by_sales[rank[aisles.by_sales] < NO_MATCH]
    found = found[np.argsort(rank[found], kind="stable")]
    found = _first_of_each_kind(aisles, shelf, found)
    facets = _facets(aisles, found)
    if category is not None:
        index = aisles.model.catalogue.category_index(category)
        found = found[aisles.model.catalogue.category[found] == (-1 if index is None else index)]
    listing = _page(aisles, shelf, found, order=order, page=page)
    return Listing(listing.items, listing.total, listing.page, order, facets)


def best_sellers(aisles: Aisles, shelf: Shelf, count: int) -> tuple[int, ...]:
    """Return what sells best of what can be bought."""
    found = aisles.by_sales[: count * 20]
    found = _first_of_each_kind(aisles, shelf, found[shelf.in_stock[found]])
    return tuple(found[:count].tolist())


def _page(aisles: Aisles, shelf: Shelf, found: Indices, *, order: Order, page: int) -> Listing:
    found = _first_of_each_kind(aisles, shelf, found)
    if order is not Order.BEST:
        price = shelf.price[found]
        sign = 1.0 if order is Order.CHEAP else -1.0
        found = found[np.argsort(sign * price, kind="stable")]  # NaN, an unknown price, comes last either way
    page = min(max(page, 1), max(1, -(-len(found) // PAGE_SIZE)))
    shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return Listing(tuple(shown.tolist()), len(found), page, order)


def _first_of_each_kind(aisles: Aisles, shelf: Shelf, found: Indices) -> Indices:
    """Return the first item of each kind, what is sold out behind everything else."""
    found = found[np.argsort(~shelf.in_stock[found], kind="stable")]
    first: npt.NDArray[np.int64] = np.unique(aisles.kind[found], return_index=True)[1]
    return found[np.sort(first)]


def _facets(aisles: Aisles, found: Indices) -> tuple[Category, ...]:
    catalogue = aisles.model.catalogue
    counts = np.bincount(catalogue.category[found], minlength=len(catalogue.categories))
    largest = np.argsort(-counts, kind="stable")[:MAX_FACETS].tolist()
    return tuple(
        Category(catalogue.categories[index], int(counts[index]))
        for index in largest
        if counts[index] and catalogue.categories[index]
    )
