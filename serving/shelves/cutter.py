"""Cutting a shelf from a prepared list: the first candidates that can be sold, as bytes of the answer.

Nothing is scored here and no array is made: a record's numbers lead to pieces of JSON. That is what keeps the cost of
a page view near that of the bare server. Where a list is too short for the shelf, None says so, and the engine,
which knows more, answers.
"""

from __future__ import annotations

import struct
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from recommender.candidates import ReasonCode, Source
from recommender.engine import Engine
from recommender.errors import InvalidInput
from recommender.purpose import STORED, Purpose
from serving.live_catalogue import LiveCatalogue
from serving.shelves import pieces
from serving.stores.packed import AGAIN, FORMAT, HEADER, MAX_CANDIDATES, NONE, Numbering

SPARE = 6
"""Candidates read beyond the shelf's places: a few may be sold out. If more are, all are read."""
MAX_WRITTEN = 100_000
"""Items whose JSON is kept, some 40 MB; beyond, all are written anew."""
NOTHING: AbstractSet[int] = frozenset()

_NUMBERS = tuple(struct.Struct(f"<{n}H") for n in range(MAX_CANDIDATES + 1))


class Cut(NamedTuple):
    """A shelf as JSON."""

    pieces: list[bytes]
    source: int
    """The `Source` of the first item."""


class Cutter:
    """Cuts shelves for one engine.

    Parameters
    ----------
    engine
        Whose lists are cut.
    catalogue
        What can be sold now, and how items look.
    currency
        ISO 4217 code of every price.
    """

    def __init__(self, engine: Engine, catalogue: LiveCatalogue, *, currency: str) -> None:
        self.engine = engine
        self.numbering = Numbering(engine.model)
        self._catalogue = catalogue
        self._currency = currency
        self._item = self.numbering.item.data
        self._due = pieces.due_pieces(self.numbering.first_day)
        self._places = pieces.stepped_places()
        self._ends: dict[tuple[int, int], bytes] = {}
        self._renamings = catalogue.renamings

    def cut(
        self, record: bytes, purpose: Purpose, *, limit: int, barred: AbstractSet[int] = NOTHING, reasons: bool = True
    ) -> Cut | None:
        """Return the first `limit` candidates that are in stock and not barred, or None if fewer of them lead.

        Raises
        ------
        InvalidInput
            If the record is damaged or of another model.
        """
        n = _checked(record)
        start, front = (0, record[2]) if purpose is STORED[0] else (record[1], record[4])
        if self._renamings != self._catalogue.renamings:
            self._renamings = self._catalogue.renamings
            self._ends.clear()
        depth = min(limit + SPARE, front)
        try:
            while limit <= depth:
                found = self._filled(record, start, n, depth, limit, barred=barred, reasons=reasons)
                if found is not None or depth == front:
                    return found
                depth = front
        except (IndexError, ValueError, struct.error) as error:
            raise InvalidInput(f"a record of another model, or a damaged one: {error}") from error
        return None

    def item(self, index: int) -> bytes:
        """Return the beginning of an item's object, as the item is now."""
        written = self._catalogue.written
        if (known := written.get(index)) is not None:
            return known
        if len(written) >= MAX_WRITTEN:
            written.clear()
        model = self.engine.model
        item_id = model.items.ids[index]
        written[index] = piece = pieces.item_piece(
            item_id, self._catalogue.item(item_id, model), currency=self._currency
        )
        return piece

    def _filled(
        self, record: bytes, start: int, n: int, depth: int, limit: int, *, barred: AbstractSet[int], reasons: bool
    ) -> Cut | None:
        """Fill the shelf from the first `depth` candidates of the list that begins at `start`, or return None."""
        at, r = HEADER.size + 2 * n + start, record[5]
        numbers = _NUMBERS[depth].unpack_from(record, HEADER.size + 2 * start)
        if record[6]:
            wide = _third_bytes(record)
            numbers = tuple(number | wide.get(start + place, 0) << 16 for place, number in enumerate(numbers))
        in_stock = self._catalogue.in_stock(self.engine.model)
        item_of, written, places, due = self._item, self._catalogue.written, self._places, self._due
        found: list[bytes] = []
        rank = first = 0
        for number, step, code in zip(numbers, record[at : at + depth], record[at + n :], strict=False):
            item = item_of[number]
            if not in_stock[item] or item in barred:
                continue
            if not reasons:
                end = pieces.bare_piece(_kind(record, code) >> 4)
            elif code >= r:
                end = due[code - r]
            else:
                end = self._end(record, code)
            if not rank:
                first = _kind(record, code) >> 4
            found += (written.get(item) or self.item(item), places[rank][step], end)
            rank += 1
            if rank == limit:
                return Cut(found, first)
        return None

    def _end(self, record: bytes, code: int) -> bytes:
        """Return the end of an item's object whose reason stands in the record's table."""
        kind = _kind(record, code)
        n, r = record[1] + record[3], record[5]
        (number,) = _NUMBERS[1].unpack_from(record, HEADER.size + 4 * n + r + 2 * code)
        third = _third_bytes(record).get(n + code) if record[6] else None
        number = -1 if number == NONE and third is None else number | (third or 0) << 16
        end = self._ends.get((kind, number))
        if end is None:
            end = self._ends[kind, number] = self._new_end(kind, number)
        return end

    def _new_end(self, kind: int, number: int) -> bytes:
        item_id = title = None
        if number >= 0:
            item_id = self.engine.model.items.ids[self._item[number]]
            title = self._catalogue.item(item_id, self.engine.model).item.title
        return pieces.reason_piece(Source(kind >> 4), ReasonCode(kind & 15), item_id=item_id, item_title=title)


def _checked(record: bytes) -> int:
    """Return how many candidates there are."""
    if len(record) < HEADER.size or record[0] != FORMAT:
        raise InvalidInput(f"a record of {len(record)} bytes is not of format {FORMAT}")
    n, r = record[1] + record[3], record[5]
    if len(record) != HEADER.size + 4 * n + 3 * r + 3 * record[6] or record[2] > record[1] or record[4] > record[3]:
        raise InvalidInput(f"a record of {n} candidates and {r} reasons cannot have {len(record)} bytes")
    return n


def _kind(record: bytes, code: int) -> int:
    """Return source and reason of a code."""
    return record[HEADER.size + 4 * (record[1] + record[3]) + code] if code < record[5] else AGAIN


def _third_bytes(record: bytes) -> dict[int, int]:
    """Return the third bytes of wide numbers by their position."""
    return dict(struct.iter_unpack("<HB", record[len(record) - 3 * record[6] :]))
