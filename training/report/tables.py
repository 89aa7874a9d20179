"""Plain tables: one beside each drawing, so that every figure can be read without seeing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under named columns; the first cell of a row names it."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
        """Build from any sequences."""
        return cls(caption, tuple(columns), tuple(tuple(row) for row in rows))


def number(value: float | None, *, digits: int = 4) -> str:
    """Return a figure, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    """Return both ends, or a dash where none was drawn."""
    if low is None or high is None:
        return "–"
    return f"{low:+.4f} to {high:+.4f}" if signed else f"{low:.4f} to {high:.4f}"
