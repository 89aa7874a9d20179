"""What the commands print, and to whom.

Results go to standard output, and can be piped; everything about the way there (progress, notes, errors) goes to
standard error. Colours and boxes appear on a terminal only. Text that comes from a shop's data is never markup and
never an escape sequence: pass it through `plain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
RIGHT = ">"
"""Put before a column's heading: align it to the right, as numbers want it."""


def results() -> Console:
    """Return the console of standard output."""
    return Console(highlight=False, soft_wrap=False)


def notes() -> Console:
    """Return the console of standard error."""
    return Console(stderr=True, highlight=False)


def plain(value: object, *, style: str = "") -> Text:
    """Return `value` as text that says exactly what it is: no markup, and control characters made visible.

    >>> plain("[bold]tea[/bold]").plain
    '[bold]tea[/bold]'
    """
    return Text(printable(str(value)), style=style)


def printable(text: str) -> str:
    """Return `text` with a replacement character for whatever a terminal would obey instead of showing."""
    return "".join(char if char.isprintable() or char == "\n" else REPLACEMENT for char in text)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> Table:
    """Return a table of cells; a heading that begins with ``>`` is a column of numbers."""
    drawn = Table(
        box=box.SIMPLE_HEAD,
        title=None if title is None else plain(title),
        title_justify="left",
        pad_edge=False,
        collapse_padding=True,
    )
    for heading in headings:
        numbers = heading.startswith(RIGHT)
        side: Literal["left", "right"] = "right" if numbers else "left"
        # Folded, for of a path that is cut nobody knows which file it names.
        drawn.add_column(plain(heading.removeprefix(RIGHT)), justify=side, no_wrap=numbers, overflow="fold")
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    return drawn


def say(text: str) -> None:
    """Print one sentence about the way to the result."""
    notes().print(plain(text), soft_wrap=True)


def write(text: str) -> None:
    """Print a result as it is, such as JSON: never wrapped, coloured or cut."""
    results().out(text, highlight=False)
