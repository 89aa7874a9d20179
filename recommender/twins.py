"""Items that a shopper cannot tell apart: shops list one product under several ids."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt


class Twins:
    """Finds the items of one title. Immutable.

    Parameters
    ----------
    twin
        (n_items,) equal for items that bear the same title.

    Examples
    --------
    >>> sorted(Twins(np.array([4, 5, 4], dtype=np.int32)).with_twins([0]))
    [0, 2]
    """

    def __init__(self, twin: npt.NDArray[np.int32]) -> None:
        self.title = twin
        """(n_items,) equal for items that bear the same title; below n_items."""
        self._order = np.argsort(twin, kind="stable").astype(np.int32)
        self._sorted = twin[self._order]

    def of(self, item: int) -> npt.NDArray[np.int32]:
        """Return the items that bear the title of `item`, itself included, ascending."""
        title = self.title[item]
        return self._order[self._sorted.searchsorted(title, "left") : self._sorted.searchsorted(title, "right")]

    def with_twins(self, items: Iterable[int]) -> frozenset[int]:
        """Return `items` and all that bear their titles."""
        return frozenset(twin for item in items for twin in self.of(item).tolist())
