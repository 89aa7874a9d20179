"""A user's candidates as bytes: one record, which holds a list for each stored purpose.

::

    offset      bytes
    0           1      format number (2)
    1           1      how many lists
    then, for each list
    0           1      purpose, as its place in `_PURPOSES`
    1           2      length of the list in bytes
    3           …      the list

A list takes eight bytes per item, plus four per distinct anchor::

    offset      bytes
    0           1      zero
    1           1      k, how many candidates
    2           1      a, how many distinct anchors
    3           1      zero
    4           4      lowest score, float32
    8           4      highest score, float32
    12          4 a    anchors, int32
    12 + 4a     4 k    items, int32
    then        2 k    scores as steps from lowest to highest, uint16
    then        1 k    source << 4 | reason
    then        1 k    position of the anchor, or 255 for none

All numbers are little-endian. A score is off by at most half a step, 1/131070 of the list's range; the order is the
list's order and is exact. A record of another length or format is refused: a reader that finds one treats it as absent.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.candidates import NO_ANCHOR, Candidates
from recommender.errors import InvalidInput
from recommender.purpose import Purpose

MAX_CANDIDATES = 250
"""Positions and counts fit in one byte, and 255 is free to mean "no anchor"."""

_FORMAT = 2
_PURPOSES = (Purpose.ALL, Purpose.NEW, Purpose.AGAIN, Purpose.CART)
"""A wire format: append, never reorder."""
_SECTION = struct.Struct("<BH")
_HEADER = struct.Struct("<BBBBff")
_NONE = 255
_STEPS = 65_535


def pack(lists: Mapping[Purpose, Candidates]) -> bytes:
    """Encode lists of at most `MAX_CANDIDATES`.

    Raises
    ------
    InvalidInput
        If a list is longer.
    """
    parts = [bytes([_FORMAT, len(lists)])]
    for purpose, candidates in lists.items():
        packed = _pack_list(candidates)
        parts += [_SECTION.pack(_PURPOSES.index(purpose), len(packed)), packed]
    return b"".join(parts)


def unpack(record: bytes) -> dict[Purpose, Candidates]:
    """Decode what `pack` made.

    Raises
    ------
    InvalidInput
        If `record` is truncated, of another format, or holds an impossible value.
    """
    if len(record) < 2 or record[0] != _FORMAT:
        raise InvalidInput(f"a record of {len(record)} bytes is not of format {_FORMAT}")
    lists: dict[Purpose, Candidates] = {}
    at = 2
    while at < len(record):
        if at + _SECTION.size > len(record):
            raise InvalidInput(f"a record of {len(record)} bytes ends within the head of a list")
        purpose, length = _SECTION.unpack_from(record, at)
        at += _SECTION.size
        if purpose >= len(_PURPOSES) or _PURPOSES[purpose] in lists or at + length > len(record):
            raise InvalidInput(f"a record of {len(record)} bytes has no list of purpose {purpose} at {at}")
        lists[_PURPOSES[purpose]] = _unpack_list(record[at : at + length])
        at += length
    if len(lists) != record[1]:
        raise InvalidInput(f"a record holds {len(lists)} lists and says {record[1]}")
    return lists


def _pack_list(candidates: Candidates) -> bytes:
    k = len(candidates)
    if k > MAX_CANDIDATES:
        raise InvalidInput(f"{k} candidates do not fit into a record of at most {MAX_CANDIDATES}")
    low, high = (float(candidates.score.min()), float(candidates.score.max())) if k else (0.0, 0.0)
    anchors = np.unique(candidates.anchor[candidates.anchor != NO_ANCHOR])
    at = np.where(candidates.anchor == NO_ANCHOR, _NONE, np.searchsorted(anchors, candidates.anchor))
    columns: list[tuple[npt.NDArray[Any], str]] = [
        (anchors, "<i4"),
        (candidates.item, "<i4"),
        (_to_steps(candidates.score, low, high), "<u2"),
        (candidates.source << 4 | candidates.reason, "u1"),
        (at, "u1"),
    ]
    header = _HEADER.pack(0, k, len(anchors), 0, low, high)
    return header + b"".join(column.astype(dtype).tobytes() for column, dtype in columns)


def _unpack_list(record: bytes) -> Candidates:
    if len(record) < _HEADER.size:
        raise InvalidInput(f"a list of {len(record)} bytes has no head")
    _, k, n_anchors, _, low, high = _HEADER.unpack_from(record)
    if len(record) != _HEADER.size + 4 * n_anchors + 8 * k:
        raise InvalidInput(f"a list of {k} candidates and {n_anchors} anchors cannot have {len(record)} bytes")
    start = _HEADER.size
    anchors = np.frombuffer(record, "<i4", n_anchors, start)
    item = np.frombuffer(record, "<i4", k, start := start + 4 * n_anchors)
    steps = np.frombuffer(record, "<u2", k, start := start + 4 * k)
    kinds = np.frombuffer(record, "u1", k, start := start + 2 * k)
    at = np.frombuffer(record, "u1", k, start + k)
    if ((at >= n_anchors) & (at != _NONE)).any():
        raise InvalidInput("a list points outside its anchors")
    score = (low + steps * ((high - low) / _STEPS)).astype(np.float32)
    named = np.full(_NONE + 1, NO_ANCHOR, dtype=np.int32)
    named[:n_anchors] = anchors
    return Candidates(
        item.astype(np.int32),
        score,
        (kinds >> 4).astype(np.uint8),
        (kinds & 15).astype(np.uint8),
        named[at],
    )


def _to_steps(score: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.float64]:
    if high == low:
        return np.zeros(len(score))
    return np.rint((score.astype(np.float64) - low) / (high - low) * _STEPS)
