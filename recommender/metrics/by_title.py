"""Hits by title: what a list is worth to somebody who sees titles, not ids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.item_lists import ItemLists
from recommender.metrics.relevance import Relevance
from recommender.metrics.repeated_categories import occurrence_in_row


def relevance_by_title(rankings: ItemLists, relevant: ItemLists, *, k: int, twin: npt.NDArray[np.int32]) -> Relevance:
    """Return the hits of the first `k` places where items of one title count as one thing.

    A place is a hit if anything of its title was bought, unless the title stands higher up already: showing the same
    thing twice is no second hit. What every other metric does with ids, this does with `twin`, (n_items,) a number
    per title; see `recommender.arrangement.same_title`.

    >>> twin = np.array([0, 0, 1], dtype=np.int32)
    >>> lists, bought = ItemLists.from_rows([[1, 0, 2]]), ItemLists.from_rows([[0]])
    >>> relevance_by_title(lists, bought, k=3, twin=twin).hits.tolist()
    [[True, False, False]]
    """
    top = rankings.top(k)
    rows, titles = _distinct(relevant.rows(), twin[relevant.item].astype(np.int64))
    stride = int(twin.max(initial=0)) + 1
    found = np.isin(top.rows() * stride + twin[top.item], rows * stride + titles)
    found &= occurrence_in_row(top, twin) == 0
    hits = np.zeros((len(rankings), k), dtype=np.bool_)
    hits[top.rows()[found], top.positions()[found]] = True
    return Relevance(hits, np.bincount(rows, minlength=len(relevant)))


def _distinct(
    row: npt.NDArray[np.int64], value: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    stride = int(value.max(initial=0)) + 1
    rows, values = np.divmod(np.unique(row * stride + value), stride)
    return rows, values
