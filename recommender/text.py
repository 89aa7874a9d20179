"""A column of strings as two arrays, so that text can live in a memory-mapped artifact.

All strings are encoded as UTF-8 and laid end to end; string ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
No pickle, no fixed width: one very long title costs its own length and nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput


@dataclass(frozen=True, slots=True, eq=False)
class TextColumn(Sequence[str]):
    """An immutable sequence of strings over two arrays.

    Examples
    --------
    >>> column = TextColumn.from_strings(["tea", "空"])
    >>> len(column), column[1], list(column)
    (2, '空', ['tea', '空'])
    """

    offsets: npt.NDArray[np.int64]
    """(n + 1,) byte positions, ascending from 0."""
    data: npt.NDArray[np.uint8]
    """(n_bytes,) UTF-8."""

    def __post_init__(self) -> None:
        if not len(self.offsets) or self.offsets[0] != 0 or self.offsets[-1] != len(self.data):
            raise InvalidInput("text offsets must run from 0 to the number of bytes")
        if (np.diff(self.offsets) < 0).any():
            raise InvalidInput("text offsets must not decrease")

    @classmethod
    def from_strings(cls, strings: Iterable[str]) -> TextColumn:
        """Encode `strings` in their order; a lone surrogate, which UTF-8 cannot hold, becomes a question mark."""
        encoded = [string.encode("utf-8", "replace") for string in strings]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(chunk) for chunk in encoded], out=offsets[1:])
        return cls(offsets, np.frombuffer(b"".join(encoded), dtype=np.uint8))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> list[str]: ...
    def __getitem__(self, position: int | slice) -> str | list[str]:
        if isinstance(position, slice):
            return [self[index] for index in range(*position.indices(len(self)))]
        if not -len(self) <= position < len(self):
            raise IndexError(f"position {position} is outside a column of {len(self)}")
        start = position % len(self)
        return self.data[self.offsets[start] : self.offsets[start + 1]].tobytes().decode("utf-8")

    def __iter__(self) -> Iterator[str]:
        content = self.data.tobytes()
        for start, end in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            yield content[start:end].decode("utf-8")
