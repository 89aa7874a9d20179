"""Text made of columns: ``"{brand:title} {product_type:title} {package_size}"``.

Braces name a column; after a colon comes the style: ``title``, ``sentence``, ``lower`` or ``upper``. A part
that is empty vanishes, and what remains is squeezed to single spaces. A mapping without braces is the name of
a column.
"""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from recommender.errors import ConfigError

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def _title(text: str) -> str:
    return _WORD.sub(lambda word: word[0].capitalize(), text)


STYLES: Mapping[str, Callable[[str], str]] = {
    "": str,
    "title": _title,
    "sentence": str.capitalize,
    "lower": str.lower,
    "upper": str.upper,
}


@dataclass(frozen=True, slots=True)
class _Part:
    literal: str
    column: str | None
    style: str


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed mapping of one field; `key` is where the configuration has it.

    Raises
    ------
    ConfigError
        If the braces do not pair up or a style is unknown.
    """

    parts: tuple[_Part, ...]

    @classmethod
    def parse(cls, text: str, *, key: str) -> Template:
        """Parse the `text` of the configuration `key`."""
        if "{" not in text and "}" not in text:
            return cls((_Part("", text, ""),))
        try:
            parsed = list(string.Formatter().parse(text))
        except ValueError as error:
            raise ConfigError(f"{key}: {text!r} is no template ({error}); write columns as {{name}}") from None
        return cls(tuple(_part(piece, text, key) for piece in parsed))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it needs."""
        return tuple(dict.fromkeys(part.column for part in self.parts if part.column))

    def render(self, frame: pl.DataFrame) -> pl.Series:
        """Return one text per row of `frame`; empty where nothing is known."""
        pieces: list[pl.Series] = []
        for part in self.parts:
            pieces.append(pl.Series([part.literal]).new_from_index(0, frame.height))
            if part.column and part.column in frame.columns:
                pieces.append(_styled(frame[part.column], STYLES[part.style]))
        columns = pl.DataFrame({f"piece {number}": piece for number, piece in enumerate(pieces)})
        text = pl.concat_str(pl.all()).str.replace_all(r"\s+", " ").str.strip_chars()
        return columns.select(text.alias("text")).to_series()


def _part(piece: tuple[str, str | None, str | None, str | None], text: str, key: str) -> _Part:
    literal, column, style, conversion = piece
    if column is None:
        return _Part(literal, None, "")
    style = style or ""
    if not column or conversion:
        raise ConfigError(f"{key}: {text!r} is no template; write columns as {{name}} or {{name:title}}")
    if style not in STYLES:
        close = difflib.get_close_matches(style, [name for name in STYLES if name], n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(filter(None, STYLES))}"
        raise ConfigError(f"{key}: the style {style!r} in {text!r} is unknown; {hint}")
    return _Part(literal, column, style)


def _styled(column: pl.Series, style: Callable[[str], str]) -> pl.Series:
    text = column.cast(pl.String).fill_null("")
    if style is str:
        return text
    distinct = text.unique()
    return text.replace_strict(distinct, pl.Series([style(value) for value in distinct], dtype=pl.String))
