"""CSV as text: every field a string, every row and every failure with its line.

Spreadsheets and tills write CSV in many encodings. A file that is not what the configuration says is refused
with the line and the byte that gave it away; guessing would turn names into nonsense without a word.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections import Counter
from dataclasses import dataclass

import polars as pl

from recommender.errors import InvalidInput
from training.settings import FileFormat
from training.sources.paths import SourceFile

_BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class CsvRows:
    """What a CSV file says."""

    frame: pl.DataFrame
    """Every column as text; rows in which nothing is written are left out."""
    numbers: pl.Series
    """(n,) Int64: the line each row begins on; the header is line 1."""
    repeated: frozenset[str] = frozenset()
    """Names that more than one column has."""


def read_csv(file: SourceFile, *, text: FileFormat, section: str) -> CsvRows:
    """Read all columns of `file` as text; an empty file has no columns and an empty field is null.

    Raises
    ------
    InvalidInput
        If the bytes are not in the configured encoding, or a line has more fields than the header.
    """
    content = _unpacked(file)
    content = _as_utf8(content, file.name, encoding=text.encoding, section=section)
    separator = "\t" if file.path.suffix.lower() == ".tsv" else text.separator
    if not content.strip():
        return CsvRows(pl.DataFrame(), pl.Series([], dtype=pl.Int64))
    try:
        frame = pl.read_csv(content, separator=separator, infer_schema=False)
    except pl.exceptions.ComputeError as error:
        raise InvalidInput(_explain(error, content.decode(), file.name, separator, section)) from None
    numbers = _line_numbers(frame)
    is_written = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    return CsvRows(frame.filter(is_written), numbers.filter(is_written), _repeated(content, separator))


def _unpacked(file: SourceFile) -> bytes:
    content = file.path.read_bytes()
    if file.path.suffix.lower() != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise InvalidInput(f"{file.name}: cannot be unpacked ({error}); the file may be truncated") from None


def _as_utf8(content: bytes, name: str, *, encoding: str, section: str) -> bytes:
    if content.startswith(_GZIP):
        raise InvalidInput(f"{name} is compressed; let its name end in .gz")
    codec = codecs.lookup(encoding).name
    if codec in {"utf-8", "utf-8-sig", "ascii"}:
        for mark, family in _BYTE_ORDER_MARKS.items():
            if content.startswith(mark):
                raise InvalidInput(f"{name} is {family.upper()}; set encoding = {family!r} in [{section}]")
    try:
        return content.decode(codec).encode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        hint = "'cp1252' or 'latin-1' are likely" if codec.startswith("utf-8") else "is it 'utf-8'?"
        if b"\0" in content[:100]:
            hint = "'utf-16-le' or 'utf-16-be' are likely"
        raise InvalidInput(
            f"{name}, line {line}: byte 0x{byte:02X} is not {encoding}; set encoding in [{section}] ({hint})"
        ) from None


def _line_numbers(frame: pl.DataFrame) -> pl.Series:
    """Return the line each row begins on: a field in quotes may go on for several."""
    breaks = frame.select(pl.sum_horizontal(pl.all().str.count_matches("\n", literal=True).fill_null(0)).cum_sum())
    before = breaks.to_series().cast(pl.Int64).shift(1, fill_value=0)
    first = 2 + sum(name.count("\n") for name in frame.columns)
    return before + pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True)


def _repeated(content: bytes, separator: str) -> frozenset[str]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    header = next(csv.reader(text, delimiter=separator), [])
    return frozenset(name for name, count in Counter(header).items() if count > 1)


def _explain(error: Exception, content: str, name: str, separator: str, section: str) -> str:
    if number := _stray_quote(content, separator):
        return (
            f'{name}, line {number}: a quote (") inside a field, or one that is never closed; write the field in '
            f'quotes and the quote twice, such as "a 5"" pipe"'
        )
    if found := _longer_than_header(content, separator):
        number, fields, expected = found
        return (
            f"{name}, line {number}: {fields} fields, but the header has {expected}; "
            f"quote fields that contain {separator!r}, or correct separator in [{section}]"
        )
    return f"{name}: cannot be read as CSV ({str(error).strip().partition(chr(10))[0]})"


def _stray_quote(content: str, separator: str) -> int | None:
    """Return the line on which the first record begins whose quotes do not pair up as CSV has them."""
    field = f'(?:"(?:[^"]|"")*+"|[^"\\r\\n{re.escape(separator)}]*+)'
    record = re.compile(f"{field}(?:{re.escape(separator)}{field})*+(?:\\r?\\n|\\Z)")
    at = 0
    while at < len(content):
        found = record.match(content, at)
        if found is None:
            line = content[at:].partition("\n")[0]
            return content.count("\n", 0, at) + 1 if '"' in line else None
        at = found.end()
    return None


def _longer_than_header(content: str, separator: str) -> tuple[int, int, int] | None:
    lines = csv.reader(io.StringIO(content), delimiter=separator)
    expected, number = 0, 1
    for fields in lines:
        expected = expected or len(fields)
        if len(fields) > expected:
            return number, len(fields), expected
        number = lines.line_num + 1
    return None
