"""What one person's past says of every item, without an array of all items.

A signal gives the score of the items it is asked about, and names its best. Each kind knows a way to both that does
not pass through the catalogue:

* `Products`, the factors: inner products, the largest of which an `InnerProductIndex` finds;
* `Votes`, neighbours and peers: zero but for the items that somebody voted for;
* `Affinity`, taste in categories: within a category, items stand in one order for everybody;
* `Scores`: an array after all, for whoever has one.

All are exact: a signal's best are what sorting the scores of the whole catalogue would give, ties by item index. What
nobody has bought yet has the mean score of its siblings (`recommender.cold`), except for affinity, whose order holds it
already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from recommender.families import Families
from recommender.inner_product_index import InnerProductIndex
from recommender.ranking import Ranked, best_of, top_k
from recommender.standing import Standing
from recommender.tally import Tally, among, distinct

_GLANCE = 16
"""Items of each known category that are looked at first; few categories have more that matter."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.integer[Any]]


class Signal(Protocol):
    """Scores of one person for the whole catalogue."""

    def __getitem__(self, item: Indices) -> Floats:
        """Return (k,) float32: the scores of the items `item` (k,)."""
        ...

    def best(self, k: int, *, exclude: Indices) -> Ranked:
        """Return the `k` items with the highest scores, without those of `exclude` (m,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """A signal that is written out."""

    value: Floats
    """(n_items,)"""

    def __getitem__(self, item: Indices) -> Floats:
        return self.value[item]

    def best(self, k: int, *, exclude: Indices) -> Ranked:
        """Return the `k` highest."""
        return top_k(self.value, k, exclude=exclude)


class Products:
    """Inner products of one vector with those of all items.

    Parameters
    ----------
    index
        Finds the largest among the items that are no newcomers.
    vectors
        (n_items, f) float32.
    families, means
        Newcomers, and (n_families, f) the vectors that stand for them.
    vector
        (f,) the person's.
    """

    def __init__(
        self, index: InnerProductIndex, vectors: Floats, families: Families, means: Floats, vector: Floats
    ) -> None:
        self._index, self._vectors, self._families, self._vector = index, vectors, families, vector
        self._of_family: Floats = means @ vector

    def __getitem__(self, item: Indices) -> Floats:
        return self._families.fill(item, self._vectors[item] @ self._vector, self._of_family)

    def best(self, k: int, *, exclude: Indices) -> Ranked:
        """Return the `k` largest products."""
        found = self._index.best(self._vector, k, exclude=exclude)
        new = self._families.leading(self._of_family, k, exclude=exclude)
        if not len(new):
            return found
        score = np.concatenate([found.score, self._of_family[self._families.family[new]]])
        return best_of(np.concatenate([found.item, new]), score, k)


class Votes:
    """Sums of votes, and what they say of newcomers.

    Parameters
    ----------
    tally
        What is above zero; votes for newcomers do not count.
    families
        Who speaks for the newcomers.
    n_items
        How many items there are.
    """

    def __init__(self, tally: Tally, families: Families, n_items: int) -> None:
        self._families, self._n_items = families, n_items
        self._tally = tally.select(families.family[tally.item] < 0) if len(families) else tally
        self._of_family = families.tally_means(self._tally)

    def __getitem__(self, item: Indices) -> Floats:
        return self._families.fill(item, self._tally.at(item), self._of_family)

    def best(self, k: int, *, exclude: Indices) -> Ranked:
        """Return the `k` with the most votes; where fewer have any, what comes first in the catalogue follows."""
        rest = self._tally.without(exclude)
        found = rest.best(k)
        if (self._of_family > 0).any():
            named = np.where(self._of_family > 0, self._of_family, -np.inf)
            new = self._families.leading(named, k, exclude=exclude)
            score = np.concatenate([found.score, self._of_family[self._families.family[new]]])
            found = best_of(np.concatenate([found.item, new]), score, k)
        silent = self._silent(k - len(found), exclude)
        return Ranked(np.concatenate([found.item, silent]), np.append(found.score, np.zeros(len(silent), np.float32)))

    def _silent(self, k: int, exclude: Indices) -> npt.NDArray[np.int32]:
        """Return the first `k` items without votes."""
        end = 2 * k
        while k:
            first = np.arange(min(end, self._n_items), dtype=np.int32)
            item: npt.NDArray[np.int32] = first[(self[first] == 0) & ~among(first, exclude)]
            if len(item) >= k or end >= self._n_items:
                return item[:k]
            end *= 4
        return np.empty(0, np.int32)


class Affinity:
    """Log taste in an item's category, plus the log share of the item in its category's sales.

    Parameters
    ----------
    standing
        The second term, and the order it gives.
    category
        (n_items,) the category of each item.
    taste
        (n_categories,) the first term.
    known
        (c,) the categories of the person's past, ascending; their taste in all others is one number.
    """

    def __init__(
        self, standing: Standing, category: npt.NDArray[np.int32], taste: Floats, known: npt.NDArray[np.int64]
    ) -> None:
        self.taste = taste
        self._standing, self._category, self._known = standing, category, known

    def __getitem__(self, item: Indices) -> Floats:
        score: Floats = self.taste[self._category[item]] + self._standing.score[item]
        return score

    def best(self, k: int, *, exclude: Indices) -> Ranked:
        """Return the `k` with the highest scores: among the first of each known category, and of all others."""
        is_known = np.zeros(len(self.taste), dtype=np.bool_)
        is_known[self._known] = True
        others = self._standing.best_outside(is_known, k + len(exclude))
        barred = np.bincount(self._category[exclude], minlength=len(self.taste))[self._known]
        heads = self._standing.heads(self._known, _GLANCE + barred)
        found = self._best_of(np.concatenate([heads.entry, others]), k, exclude)
        if k and len(found) == k:
            # A category is read on only if the last one read was good enough.
            last = heads.entry[heads.end - 1]
            goes_on = (self[last] >= found.score[-1]) & (heads.size == _GLANCE + barred)
        else:
            goes_on = np.ones(len(self._known), dtype=np.bool_)
        more = self._standing.heads(self._known[goes_on], k + barred[goes_on]).entry
        return self._best_of(distinct(np.concatenate([found.item, more])), k, exclude)

    def _best_of(self, item: Indices, k: int, exclude: Indices) -> Ranked:
        item = item[~among(item, exclude)]
        return best_of(item, self[item], k)
