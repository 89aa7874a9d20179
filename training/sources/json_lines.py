"""JSON Lines, one object a line, forgiving about a line that is not one.

A program that is killed while writing leaves half a line behind. That line is set aside with its number; the
others are read. Values become text the way JSON writes them, so that an id means the same here as in a CSV
file.
"""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from recommender.errors import InvalidInput
from training.sources.paths import SourceFile

SHOWN_CHARACTERS = 500
"""How much of an unreadable line is kept."""


@dataclass(frozen=True, slots=True)
class JsonLines:
    """The wanted keys of the readable lines."""

    frame: pl.DataFrame
    """One text column for each wanted key that any line has."""
    numbers: list[int]
    """(n,) line number of each row."""
    found: list[str]
    """Every key of any line, in order of appearance."""
    unreadable: dict[int, str]


def read_json_lines(file: SourceFile, wanted: Sequence[str]) -> JsonLines:
    """Read the `wanted` keys of every line; blank lines are skipped."""
    columns: dict[str, list[str | None]] = {name: [] for name in wanted}
    numbers: list[int] = []
    found: dict[str, None] = {}
    unreadable: dict[int, str] = {}
    for number, line in enumerate(_lines(file), start=1):
        if number == 1:
            line = _utf8_start(line, file.name)  # noqa: PLW2901 - the same line
        if not line.strip():
            continue
        record = _record(line)
        if record is None:
            unreadable[number] = line.decode("utf-8", errors="replace").strip()[:SHOWN_CHARACTERS]
            continue
        found.update(dict.fromkeys(record))
        numbers.append(number)
        for name, values in columns.items():
            values.append(_as_text(record.get(name)))
    first = next(iter(unreadable.values()), "")
    if first == "[" or (first.startswith("[") and not numbers):
        raise InvalidInput(f"{file.name} is a JSON array; write one object a line, without brackets or commas between")
    frame = pl.DataFrame(
        {name: pl.Series(values, dtype=pl.String) for name, values in columns.items() if name in found}
    )
    return JsonLines(frame, numbers, list(found), unreadable)


def _lines(file: SourceFile) -> Iterator[bytes]:
    is_packed = file.path.suffix.lower() == ".gz"
    try:
        with gzip.open(file.path) if is_packed else file.path.open("rb") as stream:
            yield from stream
    except (EOFError, gzip.BadGzipFile) as error:
        raise InvalidInput(f"{file.name}: cannot be unpacked ({error}); the file may be truncated") from None


def _utf8_start(line: bytes, name: str) -> bytes:
    """Return the first line without the mark that some editors put in front of UTF-8."""
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InvalidInput(f"{name} is UTF-16; JSON Lines are UTF-8: save the file as that")
    return line.removeprefix(codecs.BOM_UTF8)


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return (
        str(value) if isinstance(value, int | float) and not isinstance(value, bool) else orjson.dumps(value).decode()
    )
