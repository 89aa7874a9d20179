"""The order of a slate once the rules have spoken: varied by the dial, one of each title, capped by category.

The scores say what a person wants most; a shelf of ten kinds of milk is still no shelf. `Arrangement` knows what
makes two items of one catalogue alike, and orders candidates by it. It drops nothing: what is too much of the same
goes to the end, so a shop with one category still fills its shelves.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from recommender.candidates import Candidates
from recommender.catalogue import Catalogue
from recommender.cold import Newcomers
from recommender.diversity import POOL, UNKNOWN, Variety, diversify, similarities
from recommender.factors import Factors
from recommender.families import Families
from recommender.rules import Items, leading, spread

NO_DUE = -(2**31)
"""Value of the `due` column where there is no day to tell."""

PLACES = 24
"""Places filled one by one, however short the shelf: a list prepared in advance begins like the shelves cut from it."""


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """Candidates in the order in which they are shown, as long as nothing forbids one."""

    candidates: Candidates
    front: int
    """How many of them lead; behind them stands what is too much of the same."""
    due: npt.NDArray[np.int32]
    """(k,) days since 1970 on which an item to buy again is needed, or `NO_DUE`."""

    @classmethod
    @functools.cache
    def empty(cls) -> Self:
        """Return a list of length zero."""
        return cls(Candidates.empty(), 0, np.empty(0, np.int32))


class Arrangement:
    """Orders the candidates of one model. Immutable, and safe to share between threads.

    Parameters
    ----------
    catalogue
        Says which items are of one category and which bear one title.
    factors
        Say which items the same people buy.
    variety
        How varied a slate should be.
    """

    def __init__(self, catalogue: Catalogue, factors: Factors, variety: Variety) -> None:
        self.variety = variety
        self.category = known_categories(catalogue)
        # An item without sales has no vector: like nothing, it would look like the best of variety.
        self._vectors = factors.item
        self._families = Families.of(Newcomers.of(catalogue, np.asarray(factors.item.any(axis=1))), len(catalogue))
        self._family_vectors = self._families.means(factors.item)
        self._twin = same_title(catalogue) if variety.one_per_title else np.arange(len(catalogue), dtype=np.int32)
        _, first = np.unique(self._twin, return_index=True)
        self._room = {capped: _room(self.category[first], self._cap(capped=capped)) for capped in (True, False)}

    def with_dial(self, diversity: float) -> Self:
        """Return the same arrangement with another dial."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.variety = dataclasses.replace(self.variety, diversity=diversity)
        return other

    @property
    def twin(self) -> npt.NDArray[np.int32]:
        """(n_items,) equal for items that a shopper cannot tell apart."""
        return self._twin

    def vary(self, offered: Candidates, *, k: int) -> Candidates:
        """Put `k` of the best candidates, and at least `PLACES`, in front that are unlike each other.

        They are as unlike as the dial asks for.
        """
        if self.variety.diversity == 0:
            return offered
        pool = offered.item[: max(POOL, k)]
        vectors = self._families.fill(pool, self._vectors[pool], self._family_vectors)
        alike = similarities(vectors, self.category[pool])
        front = diversify(offered.score[: len(pool)], alike, dial=self.variety.diversity, k=max(k, PLACES))
        return offered.select(np.concatenate([front, np.arange(len(pool), len(offered))]))

    def order(self, items: Items, *, capped: bool = True) -> npt.NDArray[np.intp]:
        """Return the (k,) positions of `items` with what is too much of the same at the end."""
        return spread(self.category[items], cap=self._cap(capped=capped), twin=self._twin[items])

    def is_settled(self, items: Items, *, limit: int, capped: bool = True) -> bool:
        """Say whether more candidates behind `items` could not change the first `limit` places."""
        if len(items) < limit:
            return False
        in_front = leading(self.category[items], cap=self._cap(capped=capped), twin=self._twin[items])
        return int(in_front.sum()) >= min(limit, self._room[capped])

    def shelf(self, offered: Candidates, *, limit: int) -> Candidates:
        """Return what a slate of `limit` places shows of these candidates alone."""
        varied = self.vary(offered, k=limit)
        return varied.select(self.order(varied.item)[:limit])

    def prepare(self, offered: Candidates, *, varied: bool = True) -> tuple[Candidates, int]:
        """Return candidates in the order of the shelves cut from their front, and how many of them lead.

        With nothing forbidden, the first `limit` of them are `shelf(offered, limit=limit)`, for a limit up to
        `PLACES` and the leading ones.
        """
        shown = self.vary(offered, k=PLACES) if varied else offered
        in_front = leading(self.category[shown.item], cap=self._cap(capped=True), twin=self._twin[shown.item])
        return shown.select(np.argsort(~in_front, kind="stable")), int(in_front.sum())

    def _cap(self, *, capped: bool) -> int | None:
        return self.variety.category_cap if capped else None


def known_categories(catalogue: Catalogue) -> npt.NDArray[np.int32]:
    """Return (n_items,) the category of each item, `UNKNOWN` where the catalogue names none."""
    named = np.array([bool(name) for name in catalogue.categories], dtype=np.bool_)
    return np.where(named[catalogue.category], catalogue.category, np.int32(UNKNOWN)).astype(np.int32)


def same_title(catalogue: Catalogue) -> npt.NDArray[np.int32]:
    """Return (n_items,) a number per category and title; letter case and spaces do not count.

    Shops list one product under several ids: pack changes, suppliers, branches. A shopper sees the same thing twice.
    An item without a title is like no other.
    """
    numbers: dict[tuple[int, str] | int, int] = {}
    result = np.empty(len(catalogue), dtype=np.int32)
    for index, (category, title) in enumerate(zip(catalogue.category.tolist(), catalogue.title, strict=True)):
        written = " ".join(title.casefold().split())
        result[index] = numbers.setdefault((category, written) if written else index, len(numbers))
    return result


def _room(category: npt.NDArray[np.int32], cap: int | None) -> int:
    """Return how many items of a whole catalogue can stand in front; `category` is that of each title."""
    if cap is None:
        return len(category)
    sizes = np.bincount(category[category != UNKNOWN])
    return int(np.minimum(sizes, cap).sum() + (category == UNKNOWN).sum())
