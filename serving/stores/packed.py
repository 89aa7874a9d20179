"""Candidates as bytes: eight per item, plus four per distinct anchor.

::

    offset      bytes
    0           1      format number (1)
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
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.candidates import NO_ANCHOR, Candidates
from recommender.errors import InvalidInput

MAX_CANDIDATES = 250
"""Positions and counts fit in one byte, and 255 is free to mean "no anchor"."""

_FORMAT = 1
_HEADER = struct.Struct("<BBBBff")
_NONE = 255
_STEPS = 65_535


def pack(candidates: Candidates) -> bytes:
    """Encode a list of at most `MAX_CANDIDATES`.

    Raises
    ------
    InvalidInput
        If the list is longer.
    """
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
    header = _HEADER.pack(_FORMAT, k, len(anchors), 0, low, high)
    return header + b"".join(column.astype(dtype).tobytes() for column, dtype in columns)


def unpack(record: bytes) -> Candidates:
    """Decode what `pack` made.

    Raises
    ------
    InvalidInput
        If `record` is truncated, of another format, or holds an impossible value.
    """
    if len(record) < _HEADER.size or record[0] != _FORMAT:
        raise InvalidInput(f"a record of {len(record)} bytes is not of format {_FORMAT}")
    _, k, n_anchors, _, low, high = _HEADER.unpack_from(record)
    if len(record) != _HEADER.size + 4 * n_anchors + 8 * k:
        raise InvalidInput(f"a record of {k} candidates and {n_anchors} anchors cannot have {len(record)} bytes")
    start = _HEADER.size
    anchors = np.frombuffer(record, "<i4", n_anchors, start)
    item = np.frombuffer(record, "<i4", k, start := start + 4 * n_anchors)
    steps = np.frombuffer(record, "<u2", k, start := start + 4 * k)
    kinds = np.frombuffer(record, "u1", k, start := start + 2 * k)
    at = np.frombuffer(record, "u1", k, start + k)
    if ((at >= n_anchors) & (at != _NONE)).any():
        raise InvalidInput("a record points outside its anchors")
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
