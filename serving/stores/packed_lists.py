"""One list of many users' records at once, as matrices.

A page view cuts one record; a campaign reads a million. Here the columns of some thousand records are gathered by
numpy, so that a user costs microseconds: the same bytes as `serving.stores.packed.unpack` reads, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.arrangement import NO_DUE, Arranged
from recommender.candidates import NO_ANCHOR
from recommender.errors import InvalidInput
from recommender.purpose import STORED, Purpose
from serving.stores.packed import AGAIN, HEADER, NONE, Numbering, checked

EMPTY = -1
"""In the place of an item, behind the end of a list."""

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """The candidates of u users, k at most."""

    item: npt.NDArray[np.int32]
    """(u, k) item indices in the order of a shelf, `EMPTY` behind the end of each list."""
    kind: npt.NDArray[np.uint8]
    """(u, k) source << 4 | reason."""
    anchor: npt.NDArray[np.int32]
    """(u, k) the item a reason rests on, or `NO_ANCHOR`."""
    due: npt.NDArray[np.int32]
    """(u, k) days since 1970, or `NO_DUE`."""
    front: npt.NDArray[np.int64]
    """(u,) how many lead."""

    @classmethod
    def empty(cls, n: int, depth: int) -> Lists:
        """Return lists without candidates."""
        return cls(
            item=np.full((n, depth), EMPTY, np.int32),
            kind=np.zeros((n, depth), np.uint8),
            anchor=np.full((n, depth), NO_ANCHOR, np.int32),
            due=np.full((n, depth), NO_DUE, np.int32),
            front=np.zeros(n, np.int64),
        )

    def put(self, row: int, arranged: Arranged) -> None:
        """Set the list of one user, as far as there is room."""
        candidates = arranged.candidates
        k = min(len(candidates), self.item.shape[1])
        self.item[row, :k] = candidates.item[:k]
        self.kind[row, :k] = candidates.source[:k] << 4 | candidates.reason[:k]
        self.anchor[row, :k] = candidates.anchor[:k]
        self.due[row, :k] = arranged.due[:k]
        self.front[row] = min(arranged.front, k)


def unpack_lists(records: Sequence[bytes], purpose: Purpose, numbering: Numbering, *, depth: int) -> Lists:
    """Decode one list of many records, `depth` candidates at most; an empty record is an empty list.

    Raises
    ------
    InvalidInput
        If a record is damaged or of another model.
    """
    for record in records:
        if record:
            checked(record)
    whole = [record or _BLANK for record in records]
    content = np.frombuffer(b"".join(whole), np.uint8)
    ends = np.cumsum([len(record) for record in whole], dtype=np.int64)
    at = np.concatenate([[0], ends[:-1]]) if whole else ends
    first, second, wide = (content[at + place].astype(np.int64) for place in (1, 3, 6))
    is_first = purpose is STORED[0]
    length, start = (first, np.zeros_like(first)) if is_first else (second, first)
    front = content[at + (2 if is_first else 4)].astype(np.int64)
    return _Reader(content, at, first + second, start, content[at + 5].astype(np.int64)).lists(
        np.minimum(length, depth), front, np.flatnonzero(wide), numbering
    )


_BLANK = bytes(HEADER + 4)


class _Reader:
    """Gathers columns of records that lie back to back."""

    def __init__(self, content: npt.NDArray[np.uint8], at: Whole, n: Whole, start: Whole, r: Whole) -> None:
        self._content = content
        self._at = at
        self._n = n
        self._start = start
        self._r = r

    def lists(self, length: Whole, front: Whole, wide: Whole, numbering: Numbering) -> Lists:
        """Return the lists, cut to their lengths."""
        place = np.arange(int(length.max(initial=0)))
        inside = place < length[:, None]
        row, column = np.nonzero(inside)
        base = self._at[row]
        where = self._start[row] + column
        number = self._narrow(base, where)
        for index in wide.tolist():
            self._widen(number, index, row)
        code = self._content[base + HEADER + 3 * self._n[row] + where].astype(np.int64)
        kind, anchor = self._reasons(base, row, code)
        anchored = anchor != NONE
        if (number >= len(numbering.item)).any() or (anchor[anchored] >= len(numbering.item)).any():
            raise InvalidInput("a record names items the model does not have")
        found = Lists.empty(len(length), len(place))
        found.item[inside] = numbering.item[number]
        found.kind[inside] = kind
        found.anchor[inside] = np.where(anchored, numbering.item[np.where(anchored, anchor, 0)], NO_ANCHOR)
        dated = code >= self._r[row]
        found.due[inside] = np.where(dated, numbering.first_day + code - self._r[row], NO_DUE)
        found.front[:] = np.minimum(front, length)
        return found

    def _narrow(self, base: Whole, where: Whole) -> Whole:
        low = base + HEADER + 2 * where
        number: Whole = self._content[low].astype(np.int64) | self._content[low + 1].astype(np.int64) << 8
        return number

    def _widen(self, number: Whole, index: int, row: Whole) -> None:
        """Add the third bytes of one record's wide numbers."""
        rows = np.flatnonzero(row == index)
        base, n, r = int(self._at[index]), int(self._n[index]), int(self._r[index])
        begin = base + HEADER + 4 * (n + r)
        table = self._content[begin : begin + 3 * int(self._content[base + 6])].reshape(-1, 3).astype(np.int64)
        place = (table[:, 0] | table[:, 1] << 8) - int(self._start[index])
        inside = (place >= 0) & (place < len(rows))
        number[rows[place[inside]]] |= table[inside, 2] << 16

    def _reasons(self, base: Whole, row: Whole, code: Whole) -> tuple[npt.NDArray[Any], Whole]:
        """Return source and reason, and the number of the item it rests on."""
        listed = code < self._r[row]
        entry = np.where(listed, base + HEADER + 4 * self._n[row] + 4 * code, base)
        kind = np.where(listed, self._content[entry], AGAIN)
        low, middle, high = (self._content[entry + place].astype(np.int64) for place in (1, 2, 3))
        return kind, np.where(listed, low | middle << 8 | high << 16, NONE)
