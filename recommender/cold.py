"""What to say of an item that nobody has bought yet: until it has sales, it is the average of its siblings.

Siblings are items with sales that share the category and the brand; where there are fewer than `MIN_SIBLINGS` of
them, the category; where that has too few, the department. Every score of an item is linear in what is known of it, so
averaging the scores of siblings is the same as giving the newcomer their average factors and their average
neighbours, without touching the model: factors, Gram matrix and fold-in stay what was trained.

A newcomer is in the middle of its kind, so the best of its siblings are usually ahead of it, and it needs no
exploration rule to be found at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.catalogue import Catalogue

MIN_SIBLINGS = 3
"""Fewer say more about themselves than about the newcomer."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Newcomers:
    """Items without sales, and the siblings that speak for them."""

    item: npt.NDArray[np.int32]
    """(c,) items without sales that have siblings."""
    family: npt.NDArray[np.int64]
    """(c,) which family speaks for each."""
    member: npt.NDArray[np.int32]
    """(m,) items with sales, family by family."""
    start: npt.NDArray[np.int64]
    """(n_families,) where the members of each family begin, ascending; none is empty."""

    @classmethod
    def of(cls, catalogue: Catalogue, sold: npt.NDArray[np.bool_]) -> Newcomers:
        """Find the siblings of every item that is not `sold` (n_items,) bool."""
        none, nowhere = np.empty(0, np.int32), np.empty(0, np.int64)
        found, waiting = cls(none, nowhere, none, nowhere), ~sold
        if not waiting.any():
            return found
        for code in _families(catalogue):
            siblings = np.bincount(code[sold & (code >= 0)], minlength=int(code.max(initial=0)) + 1)
            ready = waiting & (code >= 0)
            ready[ready] = siblings[code[ready]] >= MIN_SIBLINGS
            found = found._joined_by(code, newcomer=ready, sold=sold)
            waiting &= ~ready
        return found

    def __len__(self) -> int:
        return len(self.item)

    def filled(self, values: Floats) -> Floats:
        """Return `values` (n_items, …) with each newcomer's replaced by the mean of its siblings'."""
        if not len(self):
            return values
        size = np.diff(self.start, append=len(self.member)).astype(np.float32)
        mean = (np.add.reduceat(values[self.member], self.start).T / size).T
        result = values.copy()
        result[self.item] = mean[self.family]
        return result

    def _joined_by(
        self, code: npt.NDArray[np.int64], *, newcomer: npt.NDArray[np.bool_], sold: npt.NDArray[np.bool_]
    ) -> Newcomers:
        item = np.flatnonzero(newcomer)
        wanted, family = np.unique(code[item], return_inverse=True)
        member = np.flatnonzero(sold & np.isin(code, wanted))
        member = member[np.argsort(code[member], kind="stable")]
        return Newcomers(
            item=np.concatenate([self.item, item]).astype(np.int32),
            family=np.concatenate([self.family, len(self.start) + family]),
            member=np.concatenate([self.member, member]).astype(np.int32),
            start=np.concatenate([self.start, len(self.member) + np.searchsorted(code[member], wanted)]),
        )


def _families(catalogue: Catalogue) -> list[npt.NDArray[np.int64]]:
    """Return three columns (n_items,), the closest relation first; -1 where an attribute is unknown."""
    brand, department = (_codes(list(column)) for column in (catalogue.brand, catalogue.department))
    known = np.array([bool(name) for name in catalogue.categories], dtype=np.bool_)
    category = np.where(known[catalogue.category], catalogue.category, -1).astype(np.int64)
    both = np.where((brand >= 0) & (category >= 0), category * (int(brand.max(initial=0)) + 1) + brand, -1)
    return [_dense(both), category, department]


def _codes(names: list[str]) -> npt.NDArray[np.int64]:
    """Return (n,) equal numbers for equal names, -1 for the empty one."""
    numbers = {name: number for number, name in enumerate(sorted(set(names) - {""}))}
    return np.array([numbers.get(name, -1) for name in names], dtype=np.int64)


def _dense(code: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the same code in few numbers: sizes of families are counted in an array."""
    dense = np.full(len(code), -1, dtype=np.int64)
    dense[code >= 0] = np.unique(code[code >= 0], return_inverse=True)[1]
    return dense
