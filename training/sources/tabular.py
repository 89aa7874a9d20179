"""One way to read a table, whatever the file: Parquet, CSV or JSON Lines.

A `Table` holds the wanted columns exactly as the file has them, and the line each row came from, so that a
row that is refused later can be shown as it was written. Text files keep every value as text: an id ``007``
stays ``007``. What the values mean is decided in `columns`, not here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import polars as pl

from recommender.errors import InvalidInput, MissingColumn
from training.settings import FileFormat
from training.sources.csv_files import CsvRows, read_csv
from training.sources.json_lines import read_json_lines
from training.sources.paths import SourceFile

LINE = "__line"
"""Name of the column with line numbers: from 1, in CSV files the line a row begins on and the header is line 1."""

SHOWN_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class Table:
    """The wanted columns of one file, as they are."""

    name: str
    frame: pl.DataFrame
    """The columns that were found, and `LINE`."""
    unreadable: dict[int, str] = field(default_factory=dict)
    """Line number → text of lines that are no record at all."""

    def __len__(self) -> int:
        return self.frame.height + len(self.unreadable)


@dataclass(frozen=True, slots=True)
class WantedColumns:
    """The columns to read, and where in the configuration each was named."""

    required: dict[str, str]
    """Column → configuration key that names it."""
    optional: Collection[str] = ()


def read_table(file: SourceFile, wanted: WantedColumns, *, text: FileFormat, section: str) -> Table:
    """Read the `wanted` columns of `file`; `section` of the configuration describes its text.

    Raises
    ------
    InvalidInput
        If the kind of file is unknown, its text cannot be decoded, or a column holds no plain values.
    MissingColumn
        If a required column is not there.
    """
    kind = _kind(file)
    if kind == "parquet":
        return _read_parquet(file, wanted)
    if kind == "csv":
        return _csv_table(file, read_csv(file, text=text, section=section), wanted)
    lines = read_json_lines(file, [*wanted.required, *wanted.optional])
    _require(file, lines.found, wanted, is_empty=not lines.numbers)
    return Table(file.name, lines.frame.with_columns(pl.Series(LINE, lines.numbers, pl.Int64)), lines.unreadable)


def _kind(file: SourceFile) -> str:
    suffixes = [suffix.lower() for suffix in file.path.suffixes if suffix.lower() != ".gz"]
    kinds = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv", ".txt": "csv"}
    kinds |= {".jsonl": "json", ".ndjson": "json"}
    if not suffixes or suffixes[-1] not in kinds:
        raise InvalidInput(f"{file.name}: cannot tell what this file is; name it .parquet, .csv or .jsonl")
    return kinds[suffixes[-1]]


def _read_parquet(file: SourceFile, wanted: WantedColumns) -> Table:
    try:
        lazy = pl.scan_parquet(file.path, glob=False)
        found = lazy.collect_schema().names()
        names = _present(found, wanted)
        _require(file, found, wanted, is_empty=False)
        frame = lazy.select(names).collect()
    except (pl.exceptions.ComputeError, OSError) as error:
        raise InvalidInput(
            f"{file.name}: cannot be read as Parquet, it may be truncated ({_first_line(error)})"
        ) from None
    for name, kind in frame.schema.items():
        if kind.is_nested() or kind == pl.Duration:
            raise InvalidInput(
                f"{file.name}: column {name!r} is of type {kind}, and cannot be read as one id, number or moment; "
                f"write a column of plain values, or name another"
            )
    return Table(file.name, frame.with_columns(pl.int_range(1, frame.height + 1, dtype=pl.Int64).alias(LINE)))


def _csv_table(file: SourceFile, rows: CsvRows, wanted: WantedColumns) -> Table:
    found = rows.frame.columns
    names = _present(found, wanted)
    if twice := [name for name in names if name in rows.repeated]:
        raise InvalidInput(f"{file.name} has more than one column {twice[0]!r}; give each column its own name")
    _require(file, found, wanted, is_empty=not found)
    return Table(file.name, rows.frame.select(names).with_columns(rows.numbers.alias(LINE)))


def _present(found: Collection[str], wanted: WantedColumns) -> list[str]:
    return [name for name in dict.fromkeys([*wanted.required, *wanted.optional]) if name in found]


def _require(file: SourceFile, found: Collection[str], wanted: WantedColumns, *, is_empty: bool) -> None:
    if is_empty:
        return
    for column, key in wanted.required.items():
        if column not in found:
            raise MissingColumn(_missing(file.name, column, key, list(found)))


def _missing(name: str, column: str, key: str, found: list[str]) -> str:
    shown = ", ".join(found[:SHOWN_COLUMNS]) + (", …" if len(found) > SHOWN_COLUMNS else "")
    match = _closest(column, found)
    hint = f"; did you mean {match!r}?" if match else "."
    return f"{name} has no column {column!r}{hint} Its columns are {shown}. Correct {key}."


def _closest(name: str, choices: list[str]) -> str | None:
    plain: Callable[[str], str] = lambda text: text.strip().lower().replace(" ", "_")  # noqa: E731 - a local key
    by_plain = {plain(choice): choice for choice in choices}
    close = difflib.get_close_matches(plain(name), by_plain, n=1)
    return by_plain[close[0]] if close else None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
