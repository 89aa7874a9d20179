"""CSV as text: every field a string, every failure with its line.

Spreadsheets and tills write CSV in many encodings. A file that is not what the configuration says is refused
with the line and the byte that gave it away; guessing would turn names into nonsense without a word.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterable

import polars as pl

from recommender.errors import InvalidInput
from training.settings import FileFormat
from training.sources.paths import SourceFile

_BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_csv(file: SourceFile, *, text: FileFormat, section: str) -> pl.DataFrame:
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
        return pl.DataFrame()
    try:
        return pl.read_csv(content, separator=separator, infer_schema=False)
    except pl.exceptions.ComputeError as error:
        raise InvalidInput(_explain(error, content, file.name, separator, section)) from None


def _unpacked(file: SourceFile) -> bytes:
    content = file.path.read_bytes()
    if file.path.suffix.lower() != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise InvalidInput(f"{file.name}: cannot be unpacked ({error}); the file may be truncated") from None


def _as_utf8(content: bytes, name: str, *, encoding: str, section: str) -> bytes:
    try:
        codec = codecs.lookup(encoding).name
    except LookupError:
        raise InvalidInput(
            f"[{section}] encoding: {encoding!r} is unknown; write one such as 'utf-8' or 'cp1252'"
        ) from None
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
        raise InvalidInput(
            f"{name}, line {line}: byte 0x{byte:02X} is not {encoding}; set encoding in [{section}] ({hint})"
        ) from None


def _explain(error: Exception, content: bytes, name: str, separator: str, section: str) -> str:
    reader = csv.reader(io.StringIO(content.decode()), delimiter=separator)
    if found := _longer_than_header(reader):
        number, fields, expected = found
        return (
            f"{name}, line {number}: {fields} fields, but the header has {expected}; "
            f"quote fields that contain {separator!r}, or correct separator in [{section}]"
        )
    return f"{name}: cannot be read as CSV ({str(error).strip().partition(chr(10))[0]})"


def _longer_than_header(lines: Iterable[list[str]]) -> tuple[int, int, int] | None:
    expected = 0
    for number, fields in enumerate(lines, start=1):
        expected = expected or len(fields)
        if len(fields) > expected:
            return number, len(fields), expected
    return None
