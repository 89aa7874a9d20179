"""External ids and their dense indices.

Matrices want rows numbered from zero; shops have ids such as ``"SKU 12/3"`` or ``"空"``.
An `IdMap` is the sorted, unique list of external ids; the position of an id is its index.
Sorting makes the map a function of the *set* of ids: the same data gives the same map, whatever the order of the file.

Ids are compared as the strings they are, without trimming or case folding. An id is valid if it is
not empty, at most 512 bytes in UTF-8, and free of control characters (they would corrupt logs and keys).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput

MAX_ID_BYTES = 512
"""Longer than any key a shop uses, short enough that a hostile id cannot fill a store."""

CONTROL_CHARACTER = r"[\x00-\x1f\x7f-\x9f]"
"""Regular expression of what no id may hold: Unicode's category Cc. Cleaning searches whole columns with it."""

_CONTROL = re.compile(CONTROL_CHARACTER)


def id_problem(value: str) -> str | None:
    """Say why `value` cannot be an id, or return None if it can."""
    if not value:
        return "it is empty"
    if _CONTROL.search(value):
        return "it holds a control character"
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    return f"it is {size} bytes long, the limit is {MAX_ID_BYTES}" if size > MAX_ID_BYTES else None


@dataclass(frozen=True, slots=True, eq=False)
class IdMap:
    """Sorted, unique external ids; position is index.

    Build one with `from_values`; the constructor trusts nothing and checks order and uniqueness.

    Raises
    ------
    InvalidInput
        If ids are unsorted, repeated or invalid.

    Examples
    --------
    >>> items = IdMap.from_values(["tea", "milk", "tea"])
    >>> items.ids
    ('milk', 'tea')
    >>> items.index("tea"), items.get("coffee")
    (1, None)
    """

    ids: tuple[str, ...]
    """External ids, ascending."""

    _index: Mapping[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for before, after in itertools.pairwise(self.ids):
            if before >= after:
                raise InvalidInput(f"ids must be sorted and unique, but {before!r} precedes {after!r}")
        for value in self.ids:
            if problem := id_problem(value):
                raise InvalidInput(f"{value!r} cannot be an id: {problem}")
        object.__setattr__(self, "_index", {value: index for index, value in enumerate(self.ids)})

    @classmethod
    def from_values(cls, values: Iterable[str]) -> IdMap:
        """Build the map of the distinct `values`, in any order and with repeats."""
        return cls(tuple(sorted(set(values))))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __contains__(self, value: object) -> bool:
        return value in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdMap) and self.ids == other.ids

    def __hash__(self) -> int:
        return hash(self.ids)

    def index(self, value: str) -> int:
        """Return the dense index of `value`; raise `KeyError` if it is unknown."""
        return self._index[value]

    def get(self, value: str) -> int | None:
        """Return the dense index of `value`, or None if it is unknown."""
        return self._index.get(value)

    def known(self, values: Iterable[str]) -> npt.NDArray[np.int32]:
        """Return the indices of those `values` that are known, in their order; unknown ones are left out."""
        found = (self._index.get(value) for value in values)
        return np.fromiter((index for index in found if index is not None), dtype=np.int32)
