"""All lists of a user as one record: four bytes per candidate, and three per distinct reason.

::

    offset        bytes
    0             1     format number (3)
    1             1     k, how many candidates, of the first list
    2             1     how many of them lead: behind them stands what is too much of the same
    3             2     the same of the second list
    5             1     r, how many distinct reasons
    6             1     w, how many wide numbers
    7             4     checksum: CRC-32 of the seven bytes before and of all bytes behind
    11            2 n   item numbers of both lists, uint16, in the order in which they are shown
    11 + 2n       n     scores: 255 for the best of a source within its list, 0 for the worst
    11 + 3n       n     reason of each: below r, a row of the table; from r on, "buy again", due on day (value − r)
    then          r     table: source << 4 | reason
    then          2 r   table: number of the item the reason rests on, 65,535 for none
    then          3 w   position among items and table, uint16, and the third byte of the number there

n is the length of both lists together; all numbers are little-endian. An item's number is its place when items are
sorted by how many people bought them: what is recommended is nearly always among the first 65,535, so that two bytes
are enough. Days are counted from `DUE_FROM` days before the end of the purchase log.

A record is good for one model only; its key names the version. One of another length or format is refused, and so is
one whose bytes are not those that were written: a number with a flipped bit is mostly that of another item.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from recommender.arrangement import NO_DUE, Arranged
from recommender.candidates import NO_ANCHOR, Candidates, ReasonCode, Source
from recommender.errors import InvalidInput
from recommender.loyalty.due import DUE_FROM
from recommender.model import Model
from recommender.purpose import STORED, Purpose

MAX_CANDIDATES = 250
"""Of one list: lengths fit in one byte."""

HEADER = struct.Struct("<7BI")
FORMAT = 3
NONE = 65_535
STEPS = 255
AGAIN = Source.PERSONAL << 4 | ReasonCode.BUY_AGAIN
"""What a candidate is whose third byte tells a day."""

_CODES = 256
_MAX_ITEMS = 1 << 24
_SUM, _BODY = HEADER.size - 4, HEADER.size
"""Where the checksum begins and where it ends."""


class _Columns(NamedTuple):
    """What follows the header, in that order."""

    numbers: npt.NDArray[Any]
    scores: npt.NDArray[Any]
    codes: npt.NDArray[Any]
    kinds: npt.NDArray[Any]
    anchors: npt.NDArray[Any]
    wide: npt.NDArray[Any]


_WIDE = np.dtype([("at", "<u2"), ("byte", "u1")])
_DTYPES = (*map(np.dtype, ("<u2", "u1", "u1", "u1", "<u2")), _WIDE)


class Numbering:
    """The items of one model by how many people bought them, and its first day."""

    def __init__(self, model: Model) -> None:
        n_items = len(model.items)
        if n_items >= _MAX_ITEMS:
            raise InvalidInput(f"{n_items} items; a record numbers at most {_MAX_ITEMS - 1}")
        self.item = np.argsort(-model.popularity.total, kind="stable").astype(np.int32)
        """(n_items,) the item of each number."""
        self.number = np.empty(n_items, dtype=np.int32)
        """(n_items,) the number of each item."""
        self.number[self.item] = np.arange(n_items, dtype=np.int32)
        self.first_day = int(model.as_of.astype("datetime64[D]").astype(np.int64)) + DUE_FROM
        """Days since 1970."""


def pack(lists: Mapping[Purpose, Arranged], numbering: Numbering) -> bytes:
    """Encode the lists of `STORED` purposes; one that is missing is empty.

    Raises
    ------
    InvalidInput
        If a list is longer than `MAX_CANDIDATES`, or has too many distinct reasons.
    """
    found = [lists.get(purpose, Arranged.empty()) for purpose in STORED]
    for arranged in found:
        if len(arranged.candidates) > MAX_CANDIDATES:
            raise InvalidInput(f"{len(arranged.candidates)} candidates; a list holds at most {MAX_CANDIDATES}")
    item, source, reason, anchor, due = (
        np.concatenate(columns)
        for columns in zip(
            *(
                (one.candidates.item, one.candidates.source, one.candidates.reason, one.candidates.anchor, one.due)
                for one in found
            ),
            strict=True,
        )
    )
    code, kind, resting = _reasons(source, reason, anchor, due.astype(np.int64) - numbering.first_day)
    numbers = numbering.number[item]
    anchors = np.where(resting == NO_ANCHOR, NONE, numbering.number[resting])
    all_numbers = np.concatenate([numbers, anchors])
    wide = np.flatnonzero(
        (all_numbers > NONE) | ((all_numbers == NONE) & np.concatenate([numbers >= 0, resting != NO_ANCHOR]))
    )
    third = np.empty(len(wide), dtype=_WIDE)
    third["at"], third["byte"] = wide, all_numbers[wide] >> 16
    lengths = [number for one in found for number in (len(one.candidates), one.front)]
    steps = np.concatenate([_steps(one.candidates) for one in found])
    columns = _Columns(numbers & NONE, steps, code, kind, anchors & NONE, third)
    body = b"".join(column.astype(dtype).tobytes() for column, dtype in zip(columns, _DTYPES, strict=True))
    counts = bytes([FORMAT, *lengths, len(kind), len(wide)])
    return HEADER.pack(*counts, crc32(body, crc32(counts))) + body


def unpack(record: bytes, purpose: Purpose, numbering: Numbering) -> Arranged:
    """Decode one list of what `pack` made; scores are those of `Shelf.score`.

    Raises
    ------
    InvalidInput
        If `record` is truncated, of another format or another model, or holds an impossible value.
    """
    n, r = checked(record), record[5]
    start, k, front = (0, record[1], record[2]) if purpose is STORED[0] else (record[1], record[3], record[4])
    columns = _columns(record)
    numbers = np.concatenate([columns.numbers, columns.anchors]).astype(np.int64)
    third = columns.wide
    if len(third) and int(third["at"].max()) >= n + r:
        raise InvalidInput("a record has a wide number at no place")
    none = numbers == NONE
    none[third["at"]] = False
    numbers[third["at"]] |= third["byte"].astype(np.int64) << 16
    none[:n] = False
    if (numbers[~none] >= len(numbering.item)).any():
        raise InvalidInput("a record names items the model does not have")
    named = np.full(n + r, NO_ANCHOR, dtype=np.int32)
    named[~none] = numbering.item[numbers[~none]]
    code = columns.codes[start : start + k].astype(np.int64)
    tabled = code < r
    kind = np.append(columns.kinds, np.uint8(AGAIN))[np.where(tabled, code, r)]
    return Arranged(
        Candidates(
            named[start : start + k],
            columns.scores[start : start + k].astype(np.float32) / np.float32(STEPS),
            (kind >> 4).astype(np.uint8),
            (kind & 15).astype(np.uint8),
            np.append(named[n:], np.int32(NO_ANCHOR))[np.where(tabled, code, r)],
        ),
        front,
        np.where(tabled, NO_DUE, numbering.first_day + code - r).astype(np.int32),
    )


def checked(record: bytes) -> int:
    """Return how many candidates a record holds, in both lists.

    Raises
    ------
    InvalidInput
        If the record is of another format, of another length than it says or not as it was written, or if more
        candidates lead than there are.
    """
    if len(record) < HEADER.size or record[0] != FORMAT:
        raise InvalidInput(f"a record of {len(record)} bytes is not of format {FORMAT}")
    n, r = record[1] + record[3], record[5]
    if len(record) != HEADER.size + 4 * n + 3 * r + 3 * record[6] or record[2] > record[1] or record[4] > record[3]:
        raise InvalidInput(f"a record of {n} candidates and {r} reasons cannot have {len(record)} bytes")
    if crc32(record[_BODY:], crc32(record[:_SUM])) != int.from_bytes(record[_SUM:_BODY], "little"):
        raise InvalidInput(f"a record of {n} candidates and {r} reasons is not as it was written")
    return n


def _columns(record: bytes) -> _Columns:
    """Return the columns of a record that was checked."""
    n, r, w = record[1] + record[3], record[5], record[6]
    found, at = [], HEADER.size
    for dtype, length in zip(_DTYPES, (n, n, n, r, r, w), strict=True):
        found.append(np.frombuffer(record, dtype, length, at))
        at += length * dtype.itemsize
    return _Columns(*found)


def _reasons(
    source: npt.NDArray[np.uint8],
    reason: npt.NDArray[np.uint8],
    anchor: npt.NDArray[np.int32],
    day: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Return the code of each candidate, and the table's two columns."""
    kind = (source << 4 | reason).astype(np.int64)
    # Whatever its date, an offer to buy again may end up in the table: where a day is too far off for its byte.
    dated = (kind == AGAIN) & (anchor == NO_ANCHOR) & (day >= 0)
    undated = np.where(dated, (AGAIN << 32) + NO_ANCHOR, (kind << 32) + anchor.astype(np.int64))
    rows = np.unique(undated[~dated])
    for _ in range(2):
        far = dated & (day >= _CODES - len(rows))
        if not far.any():
            break
        dated &= ~far
        rows = np.unique(undated[~dated])
    if len(rows) > _CODES or (dated & (day >= _CODES - len(rows))).any():
        raise InvalidInput(f"{len(rows)} distinct reasons do not fit into a record")
    code = np.where(dated, len(rows) + day, rows.searchsorted(undated))
    # Adding an anchor of -1 borrowed from the kind; adding it back restores both.
    kinds = ((rows + 1) >> 32).astype(np.uint8)
    return code, kinds, (rows - (kinds.astype(np.int64) << 32)).astype(np.int32)


def _steps(candidates: Candidates) -> npt.NDArray[np.float64]:
    """Return (k,) from 0 to 255: scores of different sources are not comparable, so each has its own scale."""
    steps = np.full(len(candidates), float(STEPS))
    score = candidates.score.astype(np.float64)
    for source in np.unique(candidates.source):
        of_it = candidates.source == source
        low, high = score[of_it].min(), score[of_it].max()
        if high > low:
            steps[of_it] = np.rint((score[of_it] - low) / (high - low) * STEPS)
    return steps
