"""What may not be shown, whatever its score: out of stock, in the cart, already owned, out of the filter.

A rule looks at item indices and says which to keep; it never reorders and never scores. Rules are applied to the
candidates of every rung, so the least personal shelf obeys them as strictly as the most personal one.
`spread` is different: it looks at the whole list and keeps one category, or one title, from filling a shelf.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Items = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


class Rule(Protocol):
    """Says which items may be shown."""

    def keep(self, items: Items) -> Mask:
        """Return (k,) bool: True where ``items[j]`` may be shown."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """What the shop can sell right now; the serving layer keeps it up to date."""

    in_stock: npt.NDArray[np.bool_]
    """(n_items,) bool."""
    price: npt.NDArray[np.float64]
    """(n_items,) in the shop's currency, NaN where unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class NotAmong:
    """Drops listed items: the cart, the page's own item, the caller's exclusions, what the user owns."""

    items: npt.NDArray[np.int32]

    def keep(self, items: Items) -> Mask:
        """Keep what is not listed."""
        listed = np.sort(self.items)
        unlisted: Mask = listed.searchsorted(items, "right") == listed.searchsorted(items, "left")
        return unlisted


@dataclass(frozen=True, slots=True, eq=False)
class Only:
    """Keeps the items of a mask (n_items,): in stock, in a category, replenishable."""

    allowed: Mask

    def keep(self, items: Items) -> Mask:
        """Keep what the mask allows."""
        return self.allowed[items]


@dataclass(frozen=True, slots=True, eq=False)
class Among:
    """Keeps the items whose attribute is one of a few."""

    attribute: npt.NDArray[np.int32]
    """(n_items,) such as the category of each item."""
    wanted: npt.NDArray[np.int64]

    def keep(self, items: Items) -> Mask:
        """Keep what has one of them."""
        return np.isin(self.attribute[items], self.wanted)


@dataclass(frozen=True, slots=True, eq=False)
class PriceBetween:
    """Keeps items whose price is known and lies in ``[low, high]``; None leaves a side open."""

    price: npt.NDArray[np.float64]
    """(n_items,) in the shop's currency, NaN where unknown."""
    low: float | None
    high: float | None

    def keep(self, items: Items) -> Mask:
        """Keep what is in the range; an unknown price is never in it."""
        price = self.price[items]
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return (price >= low) & (price <= high)


def keep_all(rules: tuple[Rule, ...], items: Items) -> Mask:
    """Return (k,) bool: True where every rule keeps the item."""
    mask = np.ones(len(items), dtype=np.bool_)
    for rule in rules:
        mask &= rule.keep(items)
    return mask


def spread(
    category: npt.NDArray[np.int32], *, cap: int | None, twin: npt.NDArray[np.int32] | None = None
) -> npt.NDArray[np.intp]:
    """Order positions so that the `leading` ones come first, and what is too much of the same last.

    Nothing is dropped: where a shop has one category, the shelf is still full.

    Parameters
    ----------
    category
        (k,) category of each candidate, best first; negative where it is unknown.
    cap
        How many of one category may stand before the surplus; None for no limit.
    twin
        (k,) equal for items a shopper cannot tell apart: one of them is enough; None if all differ.

    Returns
    -------
    (k,) positions.

    Examples
    --------
    >>> spread(np.array([7, 7, 7, 2], dtype=np.int32), cap=2).tolist()
    [0, 1, 3, 2]
    """
    return np.argsort(~leading(category, cap=cap, twin=twin), kind="stable")


def leading(category: npt.NDArray[np.int32], *, cap: int | None, twin: npt.NDArray[np.int32] | None = None) -> Mask:
    """Return (k,): whether a candidate is the first of its twins and among the first `cap` of its category.

    A later twin takes no place of its category, and an unknown category has no cap: it is no category.
    """
    front = np.ones(len(category), dtype=np.bool_) if twin is None else occurrence(twin) == 0
    if cap is not None:
        first = np.flatnonzero(front)
        front[first] = (occurrence(category[first]) < cap) | (category[first] < 0)
    return front


def occurrence(values: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Return (k,): how many equal values stand before each position.

    >>> occurrence(np.array([5, 3, 5, 5], dtype=np.int32)).tolist()
    [0, 0, 1, 2]
    """
    by_value = np.argsort(values, kind="stable")
    grouped = values[by_value]
    result = np.empty(len(values), dtype=np.intp)
    result[by_value] = np.arange(len(values)) - grouped.searchsorted(grouped)
    return result
