"""Cutting a shelf from a prepared list: the first candidates that can be sold, as bytes of the answer.

Nothing is scored here and no array is made: a record's numbers lead to pieces of JSON. That is what keeps the cost of
a page view near that of the bare server. Where a list is too short for the shelf, None says so, and the engine,
which knows more, answers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from operator import getitem
from typing import Any, NamedTuple

from recommender.candidates import ReasonCode, Source
from recommender.engine import Engine
from recommender.errors import InvalidInput
from recommender.purpose import STORED, Purpose
from serving.live_catalogue import LiveCatalogue
from serving.shelves import pieces
from serving.stores.packed import AGAIN, CHECKSUM, HEADER, MAX_CANDIDATES, NONE, Numbering, checked

MAX_WRITTEN = 100_000
"""Items whose JSON is kept, some 40 MB; beyond, all are written anew."""
NOTHING: AbstractSet[int] = frozenset()

_NUMBERS = tuple(struct.Struct(f"<{n}H") for n in range(MAX_CANDIDATES + 1))


class Cut(NamedTuple):
    """A shelf as JSON."""

    items: bytes
    """The objects of its items, with a comma before each."""
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
        self._written: list[bytes | None] = [None] * len(engine.model.items)
        """The beginning of each item's object, by number; None if it is not written yet or the item is sold out."""
        self._n_written = 0
        self._due = pieces.due_pieces(self.numbering.first_day)
        self._dated: dict[int, list[bytes | None]] = {}
        """The ends with days, by code, for each length of a table of reasons."""
        self._places = pieces.stepped_places()
        self._ends: dict[bytes, bytes] = {}
        """The ends with other reasons, by the rows of tables."""
        catalogue.watch(self)

    def item_changed(self, item_id: str) -> None:
        """Write what was written of an item anew; its title may stand in reasons, too."""
        self._ends.clear()
        if (index := self.engine.model.items.get(item_id)) is not None:
            self._written[self.numbering.number[index]] = None

    def cut(
        self, record: bytes, purpose: Purpose, *, limit: int, barred: AbstractSet[int] = NOTHING, reasons: bool = True
    ) -> Cut | None:
        """Return the first `limit` candidates that are in stock and not barred, or None if fewer of them lead.

        Raises
        ------
        InvalidInput
            If the record is damaged or of another model.
        """
        n = checked(record)
        start, front = (0, record[2]) if purpose is STORED[0] else (record[1], record[4])
        if front < limit:
            return None
        try:
            at = HEADER + 2 * n + start
            steps, codes = record[at : at + limit], record[at + n : at + n + limit]
            numbers: Sequence[int] = _NUMBERS[limit].unpack_from(record, HEADER + 2 * start)
            if record[6]:
                numbers = _widened(record, numbers, start)
            if barred or (items := self._joined(record, numbers, steps, codes, reasons=reasons)) is None:
                chosen = self._chosen(record, start, front, limit=limit, barred=barred)
                if chosen is None:
                    return None
                begins, steps, codes = chosen
                items = _join(begins, map(getitem, self._places, steps), self._ends_of(record, codes, reasons=reasons))
        except (IndexError, ValueError, struct.error) as error:
            raise InvalidInput(f"a record of another model, or a damaged one: {error}") from error
        return Cut(items, _kind(record, codes[0]) >> 4)

    def _joined(
        self, record: bytes, numbers: Sequence[int], steps: bytes, codes: bytes, *, reasons: bool
    ) -> bytes | None:
        """Return the objects of the first items, if all of them were written before."""
        # Loops are left to `map`, and looking for what is not there to `join`: this is what a page view costs.
        try:
            begins = map(self._written.__getitem__, numbers)
            return _join(begins, map(getitem, self._places, steps), self._ends_of(record, codes, reasons=reasons))
        except TypeError:
            return None

    def item(self, index: int) -> bytes:
        """Return the beginning of an item's object, as the item is now."""
        number = self.numbering.number[index]
        known: bytes | None = self._written[number]
        if known is not None:
            return known
        item_id = self.engine.model.items.ids[index]
        live = self._catalogue.item(item_id, self.engine.model)
        piece = pieces.item_piece(item_id, live, currency=self._currency)
        if live.in_stock:
            self._keep(number, piece)
        return piece

    def _keep(self, number: int, piece: bytes) -> None:
        if self._n_written >= MAX_WRITTEN:
            self._written = [None] * len(self._written)
            self._n_written = 0
        self._written[number] = piece
        self._n_written += 1

    def _chosen(
        self, record: bytes, start: int, front: int, *, limit: int, barred: AbstractSet[int]
    ) -> tuple[list[bytes], bytes, bytes] | None:
        """Return the beginnings of what may be shown, with the steps of their scores and the codes of their reasons."""
        n = record[1] + record[3]
        at = HEADER + 2 * n + start
        numbers: Sequence[int] = _NUMBERS[front].unpack_from(record, HEADER + 2 * start)
        if record[6]:
            numbers = _widened(record, numbers, start)
        items = self.numbering.item[list(numbers)].tolist()
        in_stock = self._catalogue.shelf(self.engine.model).in_stock
        places = [place for place, item in enumerate(items) if in_stock[item] and item not in barred][:limit]
        if len(places) < limit:
            return None
        steps, codes = (bytes(record[column + place] for place in places) for column in (at, at + n))
        return [self.item(items[place]) for place in places], steps, codes

    def _ends_of(self, record: bytes, codes: bytes, *, reasons: bool) -> Sequence[bytes]:
        if not reasons:
            return [pieces.bare_piece(_kind(record, code) >> 4) for code in codes]
        r, table, known = record[5], _table(record), self._ends
        if (dated := self._dated.get(r)) is None:
            dated = self._dated[r] = [None] * r + self._due[: 256 - r]
        try:
            return [dated[code] or known[record[table + 4 * code : table + 4 * code + 4]] for code in codes]
        except KeyError as new:
            (row,) = new.args
            if len(known) >= MAX_WRITTEN:
                known.clear()
            known[row] = self._new_end(row)
            return self._ends_of(record, codes, reasons=True)

    def _new_end(self, row: bytes) -> bytes:
        """Return the end of an item's object whose reason is a row of a record's table."""
        kind, number = row[0], int.from_bytes(row[1:], "little")
        item_id = title = None
        if number != NONE:
            item_id = self.engine.model.items.ids[self.numbering.item[number]]
            title = self._catalogue.item(item_id, self.engine.model).item.title
        return pieces.reason_piece(Source(kind >> 4), ReasonCode(kind & 15), item_id=item_id, item_title=title)


def _join(begins: Iterable[bytes | None], middles: Iterable[bytes], ends: Sequence[bytes]) -> bytes:
    """Join the pieces of items; a TypeError if one is missing."""
    pieces: list[Any] = [None] * (3 * len(ends))
    pieces[::3], pieces[1::3], pieces[2::3] = begins, middles, ends
    return b"".join(pieces)


def _table(record: bytes) -> int:
    """Return where the table of reasons begins."""
    return HEADER + 4 * (record[1] + record[3])


def _kind(record: bytes, code: int) -> int:
    """Return source and reason of a code."""
    return record[_table(record) + 4 * code] if code < record[5] else AGAIN


def _widened(record: bytes, numbers: Sequence[int], start: int) -> Sequence[int]:
    """Return numbers, of which the first stands at `start`, with their third bytes."""
    widened = list(numbers)
    for at, third in struct.iter_unpack("<HB", record[_table(record) + 4 * record[5] : -CHECKSUM]):
        if start <= at < start + len(widened):
            widened[at - start] |= third << 16
    return widened
