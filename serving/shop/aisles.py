"""The trained catalogue as a visitor walks through it: departments, the categories in them, and what sells best.

Many ids of a catalogue share title, category and department: sizes, flavours and packings that only a till tells
apart. They are one *kind* here, shown once. Everything is found once per version and in the order of the model's
items; prices and stock are not in it, because they change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.model import Model
from serving.shop.words import Words

Indices = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Category:
    """A shelf of a department."""

    name: str
    kinds: int


@dataclass(frozen=True, slots=True)
class Department:
    """A part of the shop."""

    name: str
    kinds: int
    categories: tuple[Category, ...]
    """What most people buy from first."""
    emblem: int
    """The index of the item it is known by: the one that sells best."""


@dataclass(frozen=True, slots=True, eq=False)
class Aisles:
    """All items, arranged. Immutable; made by `aisles`."""

    model: Model
    by_sales: Indices
    """(n_items,) all items, what sells best first."""
    kind: Indices
    """(n_items,) which kind each item is of."""
    department: Indices
    """(n_items,) index into `department_names`."""
    department_names: tuple[str, ...]
    departments: tuple[Department, ...]
    """What most people buy from first."""
    words: Words
    """Finds kinds by words of their texts."""

    def of(self, department: str, category: str | None = None) -> Mask | None:
        """Return which items stand there, (n_items,); None if there is no such place."""
        if department not in self.department_names:
            return None
        there: Mask = self.department == self.department_names.index(department)
        if category is None:
            return there
        index = self.model.catalogue.category_index(category)
        found: Mask = there & (self.model.catalogue.category == (-1 if index is None else index))
        return found if found.any() else None

    def department_called(self, name: str) -> Department | None:
        """Return a department by its name."""
        return next((each for each in self.departments if each.name == name), None)

    @property
    def kinds(self) -> int:
        """How many different products there are, as departments count them."""
        return sum(each.kinds for each in self.departments)

    def of_kind(self, item: int) -> Indices:
        """Return the other items that are called the same, what sells best first."""
        same: Indices = self.by_sales[self.kind[self.by_sales] == self.kind[item]]
        others: Indices = same[same != item]
        return others


def aisles(model: Model) -> Aisles:
    """Arrange the catalogue of a model: about a second for 100,000 items."""
    catalogue = model.catalogue
    department_names, department = _numbered(list(catalogue.department))
    _, title = _numbered(list(catalogue.title))
    texts = np.stack([title, catalogue.category.astype(np.int32), department], axis=1)
    _, first, kind = np.unique(texts, axis=0, return_index=True, return_inverse=True)
    kinds: Indices = kind.reshape(-1).astype(np.int32)
    by_sales = model.selling.order
    words = Words(
        titles=[catalogue.title[item] for item in first.tolist()],
        places=[f"{catalogue.categories[catalogue.category[i]]} {catalogue.department[i]}" for i in first.tolist()],
    )
    departments = tuple(_departments(model, department, department_names, kinds))
    return Aisles(model, by_sales, kinds, department, department_names, departments, words)


def _departments(model: Model, department: Indices, names: tuple[str, ...], kind: Indices) -> Iterator[Department]:
    """Yield the departments by how many buyers their items had."""
    buyers = model.popularity.total.astype(np.float64)
    sales = np.bincount(department, weights=buyers, minlength=len(names))
    for number in np.argsort(-sales, kind="stable").tolist():
        there = np.flatnonzero(department == number)
        category = model.catalogue.category[there]
        bought = Counter[int]()
        for each, count in zip(category.tolist(), buyers[there].tolist(), strict=True):
            bought[each] += count
        kinds = Counter(category[np.unique(kind[there], return_index=True)[1]].tolist())
        ordered = sorted(kinds, key=lambda each: (-bought[each], model.catalogue.categories[each]))
        yield Department(
            name=names[number],
            kinds=sum(kinds.values()),
            categories=tuple(Category(model.catalogue.categories[each], kinds[each]) for each in ordered),
            emblem=int(there[np.argmax(model.selling.score[there])]),
        )


def _numbered(texts: list[str]) -> tuple[tuple[str, ...], Indices]:
    """Return the distinct texts, and the number of each text among them."""
    numbers: dict[str, int] = {}
    column = np.fromiter((numbers.setdefault(text, len(numbers)) for text in texts), np.int32, len(texts))
    return tuple(numbers), column
